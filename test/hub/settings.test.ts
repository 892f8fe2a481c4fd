import assert from 'node:assert/strict';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { UsageError } from '#attune/errors.js';
import { hubCacheDir, hubSettings } from '#attune/hub/settings.js';
import { folder } from '../support/folder.js';

test('the cache folder is where huggingface_hub has it', () => {
  assert.equal(hubCacheDir({ HOME: '/home/me' }), resolve('/home/me/.cache/huggingface/hub'));
  assert.equal(hubCacheDir({ HOME: '/home/me', XDG_CACHE_HOME: '/xdg' }), resolve('/xdg/huggingface/hub'));
  assert.equal(
    hubCacheDir({ HOME: '/home/me', XDG_CACHE_HOME: '/xdg', HF_HOME: '~/hf' }),
    resolve('/home/me/hf/hub'),
  );
  assert.equal(
    hubCacheDir({ HOME: '/home/me', HF_HOME: '/hf', HUGGINGFACE_HUB_CACHE: '/old' }),
    resolve('/old'),
  );
  assert.equal(
    hubCacheDir({
      HOME: '/home/me',
      HF_HOME: '/hf',
      HUGGINGFACE_HUB_CACHE: '/old',
      HF_HUB_CACHE: '$DISK/${NAME}',
      DISK: '/disk',
      NAME: 'hub',
    }),
    resolve('/disk/hub'),
  );
});

test('the token: given, HF_TOKEN, the file of HF_TOKEN_PATH, the file in HF_HOME, none', (t) => {
  const home = folder(t, { token: 'hf_home\n', other: ' hf_other ' });
  const env = { HF_HOME: home };
  assert.equal(hubSettings({}, env).token, 'hf_home');
  assert.equal(hubSettings({}, { ...env, HF_TOKEN_PATH: join(home, 'other') }).token, 'hf_other');
  assert.equal(hubSettings({}, { ...env, HF_TOKEN: ' hf_env\n' }).token, 'hf_env');
  assert.equal(hubSettings({ token: 'hf_given' }, { ...env, HF_TOKEN: 'hf_env' }).token, 'hf_given');
  assert.equal(hubSettings({ token: false }, { ...env, HF_TOKEN: 'hf_env' }).token, undefined);
  assert.equal(
    hubSettings({}, { ...env, HF_TOKEN: 'hf_env', HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' }).token,
    undefined,
  );
  assert.equal(hubSettings({}, { HF_HOME: join(home, 'nowhere') }).token, undefined);
  assert.throws(
    () => hubSettings({ token: 'hf_a\r\nx-evil: 1' }, env),
    (error: UsageError) => error instanceof UsageError && !error.message.includes('evil'),
  );
});

test('endpoint, offline, idle time', () => {
  const env = { HF_HOME: '/nowhere' };
  assert.equal(hubSettings({}, env).endpoint, 'https://huggingface.co');
  assert.equal(
    hubSettings({}, { ...env, HF_ENDPOINT: 'https://mirror.example/hub/' }).endpoint,
    'https://mirror.example/hub',
  );
  for (const HF_ENDPOINT of ['huggingface.co', 'ftp://x', 'https://x/?a=1'])
    assert.throws(() => hubSettings({}, { ...env, HF_ENDPOINT }), UsageError);
  for (const value of ['1', 'true', 'YES', 'on'])
    assert.equal(hubSettings({}, { ...env, HF_HUB_OFFLINE: value }).offline, true);
  for (const value of ['', '0', 'no'])
    assert.equal(hubSettings({}, { ...env, HF_HUB_OFFLINE: value }).offline, false);
  assert.equal(hubSettings({}, { ...env, TRANSFORMERS_OFFLINE: '1' }).offline, true);
  assert.equal(hubSettings({ localFilesOnly: false }, { ...env, HF_HUB_OFFLINE: '1' }).offline, false);
  assert.equal(hubSettings({}, { ...env, HF_HUB_DOWNLOAD_TIMEOUT: '7' }).idleTimeout, 7000);
  assert.equal(hubSettings({}, { ...env, HF_HUB_DOWNLOAD_TIMEOUT: 'x' }).idleTimeout, 30_000);
});
