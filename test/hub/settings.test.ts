/** Settings of the Hub from options and environment variables, as huggingface_hub reads them. */
import assert from 'node:assert/strict';
import { join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { UsageError } from '#attune/errors/attune-error.js';
import { hubCacheDir, hubSettings } from '#attune/hub/settings.js';
import { folder } from '../support/folder.js';
import { refusal } from '../support/refusal.js';

describe('hubCacheDir', () => {
  it('gives the cache folder that huggingface_hub uses', () => {
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

  it('leaves the name of a variable that is not set, also if every object has that property', () => {
    for (const name of ['NOWHERE', 'constructor', '__proto__'])
      assert.equal(hubCacheDir({ HF_HUB_CACHE: `/disk/$${name}` }), resolve(`/disk/$${name}`));
  });
});

describe('hubSettings', () => {
  const env = { HF_HOME: '/nowhere' };

  it('takes the token from the options, else HF_TOKEN, HF_TOKEN_PATH, or the file in HF_HOME', (t) => {
    const home = folder(t, { token: 'hf_home\n', other: ' hf_other ' });
    const withFile = { HF_HOME: home };
    assert.equal(hubSettings({}, withFile).token, 'hf_home');
    assert.equal(hubSettings({}, { ...withFile, HF_TOKEN_PATH: join(home, 'other') }).token, 'hf_other');
    assert.equal(hubSettings({}, { ...withFile, HF_TOKEN: ' hf_env\n' }).token, 'hf_env');
    assert.equal(hubSettings({ token: 'hf_given' }, { ...withFile, HF_TOKEN: 'hf_env' }).token, 'hf_given');
    assert.equal(hubSettings({ token: false }, { ...withFile, HF_TOKEN: 'hf_env' }).token, undefined);
    assert.equal(
      hubSettings({}, { ...withFile, HF_TOKEN: 'hf_env', HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' }).token,
      undefined,
    );
    assert.equal(hubSettings({}, { HF_HOME: join(home, 'nowhere') }).token, undefined);
  });

  it('refuses a token with a line break, without repeating it', () => {
    assert.throws(
      () => hubSettings({ token: 'hf_a\r\nx-evil: 1' }, env),
      (error: UsageError) => {
        refusal(UsageError, 'hub-token-malformed')(error);
        assert.deepEqual(error.facts, {});
        assert.ok(!error.message.includes('evil'));
        return true;
      },
    );
  });

  it('takes the endpoint from HF_ENDPOINT, and refuses what is not a plain http(s) address', () => {
    assert.equal(hubSettings({}, env).endpoint, 'https://huggingface.co');
    assert.equal(
      hubSettings({}, { ...env, HF_ENDPOINT: 'https://mirror.example/hub/' }).endpoint,
      'https://mirror.example/hub',
    );
    for (const HF_ENDPOINT of ['huggingface.co', 'ftp://x', 'https://x/?a=1'])
      assert.throws(
        () => hubSettings({}, { ...env, HF_ENDPOINT }),
        refusal(UsageError, 'hub-endpoint-invalid', { endpoint: HF_ENDPOINT }),
      );
  });

  it('reads offline mode from HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE unless localFilesOnly is given', () => {
    for (const value of ['1', 'true', 'YES', 'on'])
      assert.equal(hubSettings({}, { ...env, HF_HUB_OFFLINE: value }).offline, true);
    for (const value of ['', '0', 'no'])
      assert.equal(hubSettings({}, { ...env, HF_HUB_OFFLINE: value }).offline, false);
    assert.equal(hubSettings({}, { ...env, TRANSFORMERS_OFFLINE: '1' }).offline, true);
    assert.equal(hubSettings({ localFilesOnly: false }, { ...env, HF_HUB_OFFLINE: '1' }).offline, false);
  });

  it('reads the idle timeout in seconds from HF_HUB_DOWNLOAD_TIMEOUT; default 30', () => {
    assert.equal(hubSettings({}, { ...env, HF_HUB_DOWNLOAD_TIMEOUT: '7' }).idleTimeout, 7000);
    assert.equal(hubSettings({}, { ...env, HF_HUB_DOWNLOAD_TIMEOUT: 'x' }).idleTimeout, 30_000);
  });
});
