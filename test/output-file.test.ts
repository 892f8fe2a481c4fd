import assert from 'node:assert/strict';
import fs from 'node:fs';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AttuneError, UsageError } from '#attune/errors.js';
import { findOutput, refuseSameFile, writeOutput } from '#attune/output-file.js';
import { folder } from './support/folder.js';

const skip = process.platform === 'win32' && 'links are made in another way';

// eslint-disable-next-line @typescript-eslint/require-await
async function* pieces(...texts: readonly (string | Error)[]): AsyncGenerator<string> {
  for (const text of texts) {
    if (text instanceof Error) throw text;
    yield text;
  }
}

const cannot =
  (words: RegExp) =>
  (error: unknown): boolean =>
    error instanceof AttuneError && words.test(error.message);

describe('writeOutput', () => {
  it('makes a file, and replaces one, whole', async (t) => {
    const dir = folder(t);
    for (const text of ['one', 'two']) {
      await writeOutput(join(dir, 'out'), pieces(text, '!'));
      assert.equal(readFileSync(join(dir, 'out'), 'utf8'), `${text}!`);
    }
    assert.deepEqual(readdirSync(dir), ['out']);
  });

  it('leaves what was there where it fails, and nothing beside it', async (t) => {
    const dir = folder(t, { old: 'old' });
    for (const name of ['old', 'new'])
      await assert.rejects(
        writeOutput(join(dir, name), pieces('half', new AttuneError('the engine is gone'))),
        /the engine is gone/,
      );
    assert.deepEqual(readdirSync(dir), ['old']);
    assert.equal(readFileSync(join(dir, 'old'), 'utf8'), 'old');
  });

  it('leaves nothing where it fails while the file is being opened', async (t) => {
    const dir = folder(t);
    // A stream that opens its file itself does so by this; here it takes its time.
    const { open } = fs;
    t.mock.method(
      fs,
      'open',
      (...words: Parameters<typeof open>): void => void setTimeout(() => open(...words), 50),
    );
    await assert.rejects(
      writeOutput(join(dir, 'new'), pieces(new AttuneError('the engine is gone'))),
      /the engine is gone/,
    );
    await sleep(200);
    assert.deepEqual(readdirSync(dir), []);
  });

  it('goes through links, one after another, also to a file that is not there yet', { skip }, async (t) => {
    const dir = folder(t, { old: 'old' });
    mkdirSync(join(dir, 'deep'));
    symlinkSync('deep', join(dir, 'folder'));
    symlinkSync(join('..', 'old'), join(dir, 'deep', 'to-old'));
    symlinkSync(join('folder', 'to-old'), join(dir, 'first'));
    symlinkSync(join('folder', 'to-new'), join(dir, 'second'));
    symlinkSync('new', join(dir, 'deep', 'to-new'));
    for (const [link, file] of [
      ['first', 'old'],
      ['second', 'deep/new'],
    ] as const) {
      await writeOutput(join(dir, link), pieces('through'));
      assert.equal(readFileSync(join(dir, file), 'utf8'), 'through');
      assert.ok(lstatSync(join(dir, link)).isSymbolicLink());
    }
    assert.equal(readlinkSync(join(dir, 'deep', 'to-old')), join('..', 'old'));
    assert.deepEqual(readdirSync(join(dir, 'deep')).sort(), ['new', 'to-new', 'to-old']);
  });

  it('keeps a file that has several names one, and its rights', { skip }, async (t) => {
    const dir = folder(t, { one: 'old', alone: 'old' });
    linkSync(join(dir, 'one'), join(dir, 'two'));
    for (const name of ['one', 'alone']) chmodSync(join(dir, name), 0o600);
    for (const name of ['two', 'alone']) await writeOutput(join(dir, name), pieces('new'));
    assert.deepEqual(
      ['one', 'two', 'alone'].map((name) => readFileSync(join(dir, name), 'utf8')),
      ['new', 'new', 'new'],
    );
    assert.deepEqual(
      ['one', 'alone'].map((name) => lstatSync(join(dir, name)).mode & 0o777),
      [0o600, 0o600],
    );
    assert.equal(lstatSync(join(dir, 'one')).ino, lstatSync(join(dir, 'two')).ino);
  });

  it(
    'refuses what is read-only, also as the superuser, a folder, a link in circles and a folder that is not there',
    { skip },
    async (t) => {
      const dir = folder(t);
      writeFileSync(join(dir, 'read-only'), 'old', { mode: 0o444 });
      symlinkSync('circle', join(dir, 'circle'));
      await assert.rejects(
        writeOutput(join(dir, 'read-only'), pieces('new')),
        cannot(/read-only: it is read-only/),
      );
      await assert.rejects(writeOutput(dir, pieces('new')), cannot(/it is a folder/));
      await assert.rejects(writeOutput(join(dir, 'circle'), pieces('new')), cannot(/cannot write .*circle/));
      await assert.rejects(
        writeOutput(join(dir, 'none', 'out'), pieces('new')),
        cannot(/cannot write .*ENOENT/),
      );
      assert.deepEqual(readdirSync(dir).sort(), ['circle', 'read-only']);
      assert.equal(readFileSync(join(dir, 'read-only'), 'utf8'), 'old');
    },
  );

  it(
    'takes the name of a folder for none of a file, and ".." behind a link as the system does',
    { skip },
    async (t) => {
      const dir = folder(t, { out: 'precious', old: 'old' });
      mkdirSync(join(dir, 'other', 'deep'), { recursive: true });
      symlinkSync(join('other', 'deep'), join(dir, 'link'));
      for (const name of ['out/', 'new/', 'other/']) {
        await assert.rejects(
          writeOutput(`${dir}/${name}`, pieces('new')),
          (error) => error instanceof UsageError,
          name,
        );
        await assert.rejects(
          refuseSameFile(`${dir}/${name}`, []),
          (error) => error instanceof UsageError,
          name,
        );
      }
      await writeOutput(`${dir}/link/../out`, pieces('new'));
      symlinkSync('link/../second', join(dir, 'to-second'));
      await writeOutput(join(dir, 'to-second'), pieces('second'));
      assert.deepEqual(readdirSync(dir).sort(), ['link', 'old', 'other', 'out', 'to-second']);
      assert.equal(readFileSync(join(dir, 'out'), 'utf8'), 'precious');
      assert.deepEqual(
        ['out', 'second'].map((name) => readFileSync(join(dir, 'other', name), 'utf8')),
        ['new', 'second'],
      );
    },
  );

  it('knows what is open already by every name', { skip }, async (t) => {
    const dir = folder(t);
    symlinkSync('/dev/stdout', join(dir, 'out'));
    for (const name of ['/dev/stdout', '/dev/fd/1', '/proc/self/fd/1', join(dir, 'out')])
      assert.deepEqual(await findOutput(name), { descriptor: 1 });
    assert.deepEqual(await findOutput('/dev/fd/7'), { descriptor: 7 });
    assert.deepEqual(await findOutput('/dev/null'), { stream: '/dev/null' });
  });

  it('writes into a device', { skip }, async () => {
    await writeOutput('/dev/null', pieces('gone'));
    assert.ok(lstatSync('/dev/null').isCharacterDevice());
  });
});

describe('refuseSameFile', () => {
  it('knows a file under all of its names, and takes none for another', { skip }, async (t) => {
    const dir = folder(t, { one: '1', other: '2' });
    const at = (name: string): string => join(dir, name);
    symlinkSync('one', at('link'));
    linkSync(at('one'), at('hard'));
    for (const name of ['one', 'link', 'hard', 'sub/../one'])
      await assert.rejects(
        refuseSameFile(at('one'), [at('other'), at(name)]),
        (error) => error instanceof UsageError,
        name,
      );
    await refuseSameFile(at('one'), [at('other'), at('none'), dir]);
    await refuseSameFile(at('none'), [at('one'), at('none')]);
    await refuseSameFile('/dev/null', ['/dev/null']);
  });
});
