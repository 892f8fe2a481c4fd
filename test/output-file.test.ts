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
import fsPromises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AttuneError, UsageError } from '#attune/errors/attune-error.js';
import { findOutput, refuseSameFile, writeOutput } from '#attune/output-file.js';
import { folder } from './support/folder.js';
import { refusal } from './support/refusal.js';

const skip = process.platform === 'win32' && 'links are made in another way';

// eslint-disable-next-line @typescript-eslint/require-await
async function* pieces(...texts: readonly (string | Error)[]): AsyncGenerator<string> {
  for (const text of texts) {
    if (text instanceof Error) throw text;
    yield text;
  }
}

/** What a step fails with that computes the pieces. */
const GONE = new Error('the engine is gone');
const isGone = (error: unknown): boolean => error === GONE;

const isNameOfFolder = (path: string): ((error: unknown) => true) =>
  refusal(UsageError, 'output-file-name-of-folder', { path });

/** Makes every way to open a file take 50 ms. Returns the openings, each settled when its file is open. */
function slowOpening(t: TestContext): readonly Promise<unknown>[] {
  const openings: Promise<unknown>[] = [];
  const { open: openFile } = fs;
  const { open: openHandle } = fsPromises;
  const mocks = [
    // A stream that opens its file itself does so by this one.
    t.mock.method(fs, 'open', (...words: unknown[]): void => {
      const callback = words.pop() as (...results: unknown[]) => void;
      const opening = new Promise<void>((resolve) => {
        setTimeout(() => {
          Reflect.apply(openFile, fs, [
            ...words,
            (...results: unknown[]) => {
              callback(...results);
              resolve();
            },
          ]);
        }, 50);
      });
      openings.push(opening);
    }),
    t.mock.method(fsPromises, 'open', (...words: Parameters<typeof openHandle>) => {
      const opening = sleep(50).then(() => openHandle(...words));
      openings.push(opening.catch(() => undefined));
      return opening;
    }),
  ];
  syncBuiltinESMExports();
  t.after(() => {
    for (const { mock } of mocks) mock.restore();
    syncBuiltinESMExports();
  });
  return openings;
}

describe('writeOutput', () => {
  it('creates a file and replaces an existing one', async (t) => {
    const dir = folder(t);
    for (const text of ['one', 'two']) {
      await writeOutput(join(dir, 'out'), pieces(text, '!'));
      assert.equal(readFileSync(join(dir, 'out'), 'utf8'), `${text}!`);
    }
    assert.deepEqual(readdirSync(dir), ['out']);
  });

  it('keeps the old file and leaves no temporary file if it fails', async (t) => {
    const dir = folder(t, { old: 'old' });
    for (const name of ['old', 'new'])
      await assert.rejects(writeOutput(join(dir, name), pieces('half', GONE)), isGone);
    assert.deepEqual(readdirSync(dir), ['old']);
    assert.equal(readFileSync(join(dir, 'old'), 'utf8'), 'old');
  });

  it('leaves no file if it fails while a file is being opened', async (t) => {
    const dir = folder(t);
    const openings = slowOpening(t);
    await assert.rejects(writeOutput(join(dir, 'new'), pieces(GONE)), isGone);
    assert.ok(openings.length > 0);
    await Promise.all(openings);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(readdirSync(dir), []);
  });

  it('writes through chains of links, also to a file that does not exist yet', { skip }, async (t) => {
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

  it('keeps the hard links and the mode of the file that it replaces', { skip }, async (t) => {
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

  it('refuses a read-only file, even as root', { skip }, async (t) => {
    const dir = folder(t);
    writeFileSync(join(dir, 'read-only'), 'old', { mode: 0o444 });
    await assert.rejects(
      writeOutput(join(dir, 'read-only'), pieces('new')),
      refusal(AttuneError, 'output-file-read-only', { path: join(dir, 'read-only') }),
    );
    assert.deepEqual(readdirSync(dir), ['read-only']);
    assert.equal(readFileSync(join(dir, 'read-only'), 'utf8'), 'old');
  });

  it('refuses a folder, a link to itself and a file in a folder that does not exist', { skip }, async (t) => {
    const dir = folder(t);
    symlinkSync('circle', join(dir, 'circle'));
    await assert.rejects(
      writeOutput(dir, pieces('new')),
      refusal(AttuneError, 'output-file-is-folder', { path: dir }),
    );
    const circle = join(dir, 'circle');
    await assert.rejects(
      writeOutput(circle, pieces('new')),
      refusal(AttuneError, 'output-file-link-circular', { path: circle }),
    );
    const path = join(dir, 'none', 'out');
    await assert.rejects(
      writeOutput(path, pieces('new')),
      refusal(AttuneError, 'output-file-without-folder', { path, folder: join(dir, 'none') }),
    );
    assert.deepEqual(readdirSync(dir), ['circle']);
  });

  it('refuses a path that ends with a slash', { skip }, async (t) => {
    const dir = folder(t, { out: 'precious', old: 'old' });
    mkdirSync(join(dir, 'other'));
    for (const name of ['out/', 'new/', 'other/'])
      await assert.rejects(writeOutput(`${dir}/${name}`, pieces('new')), isNameOfFolder(`${dir}/${name}`));
    assert.deepEqual(readdirSync(dir).sort(), ['old', 'other', 'out']);
    assert.deepEqual(readdirSync(join(dir, 'other')), []);
    assert.equal(readFileSync(join(dir, 'out'), 'utf8'), 'precious');
  });

  it('resolves ".." after a link from the folder that the link leads to', { skip }, async (t) => {
    const dir = folder(t, { out: 'precious', old: 'old' });
    mkdirSync(join(dir, 'other', 'deep'), { recursive: true });
    symlinkSync(join('other', 'deep'), join(dir, 'link'));
    await writeOutput(`${dir}/link/../out`, pieces('new'));
    symlinkSync('link/../second', join(dir, 'to-second'));
    await writeOutput(join(dir, 'to-second'), pieces('second'));
    assert.deepEqual(readdirSync(dir).sort(), ['link', 'old', 'other', 'out', 'to-second']);
    assert.equal(readFileSync(join(dir, 'out'), 'utf8'), 'precious');
    assert.deepEqual(
      ['out', 'second'].map((name) => readFileSync(join(dir, 'other', name), 'utf8')),
      ['new', 'second'],
    );
  });

  it('writes to a device', { skip }, async () => {
    await writeOutput('/dev/null', pieces('gone'));
    assert.ok(lstatSync('/dev/null').isCharacterDevice());
  });
});

describe('findOutput', () => {
  it('recognizes an open descriptor by each of its names, and a device', { skip }, async (t) => {
    const dir = folder(t);
    symlinkSync('/dev/stdout', join(dir, 'out'));
    for (const name of ['/dev/stdout', '/dev/fd/1', '/proc/self/fd/1', join(dir, 'out')])
      assert.deepEqual(await findOutput(name), { descriptor: 1 });
    assert.deepEqual(await findOutput('/dev/fd/7'), { descriptor: 7 });
    assert.deepEqual(await findOutput('/dev/null'), { stream: '/dev/null' });
  });
});

describe('refuseSameFile', { skip }, () => {
  it('refuses an output that is one of the inputs, by any name of the file', async (t) => {
    const dir = folder(t, { one: '1', other: '2' });
    const at = (name: string): string => join(dir, name);
    symlinkSync('one', at('link'));
    linkSync(at('one'), at('hard'));
    for (const name of ['one', 'link', 'hard', 'sub/../one'])
      await assert.rejects(
        refuseSameFile(at('one'), [at('other'), at(name)]),
        refusal(UsageError, 'output-file-is-input', { path: at('one') }),
        name,
      );
  });

  it('refuses a path that ends with a slash', async (t) => {
    const dir = folder(t, { out: 'precious' });
    mkdirSync(join(dir, 'other'));
    for (const name of ['out/', 'new/', 'other/'])
      await assert.rejects(refuseSameFile(`${dir}/${name}`, []), isNameOfFolder(`${dir}/${name}`));
  });

  it('accepts other files, an output that does not exist yet and a device', async (t) => {
    const dir = folder(t, { one: '1', other: '2' });
    const at = (name: string): string => join(dir, name);
    await refuseSameFile(at('one'), [at('other'), at('none'), dir]);
    await refuseSameFile(at('none'), [at('one'), at('none')]);
    await refuseSameFile('/dev/null', ['/dev/null']);
  });
});
