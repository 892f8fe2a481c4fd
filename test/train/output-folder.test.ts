/** What attune may replace and remove in an output folder, and what a process leaves there that ends at any moment. */
import assert from 'node:assert/strict';
import fsPromises from 'node:fs/promises';
import { cpSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { AttuneError, UsageError } from '#attune/errors.js';
import { OutputFolder } from '#attune/train/output-folder.js';
import type { Preparation } from '#attune/train/output-folder.js';
import { RECORD_FILE } from '#attune/train/output-record.js';
import { LOCK_FILE } from '#attune/train/run-lock.js';
import { RUN_FILES } from '#attune/train/run-names.js';
import { folder, namesIn } from '../support/folder.js';

/** Opens and prepares a folder, does some work in it and gives its lock back. */
async function within(dir: string, preparation: Preparation, work: (output: OutputFolder) => Promise<unknown> = () => Promise.resolve()): Promise<void> {
  const output = await OutputFolder.open(dir);
  try {
    await output.prepare(preparation);
    await work(output);
  } finally {
    await output.close();
  }
}

const RUN = { makes: RUN_FILES, checkpointsAfter: 0 } as const;
const fresh: Preparation = { mode: 'new', ...RUN };
const overwrite: Preparation = { mode: 'overwrite', ...RUN };

/** What a run makes, each file with the same text. */
const checkpoint = (output: OutputFolder, step: number, text: string): Promise<void> =>
  output.place(async (staged) => {
    mkdirSync(join(staged, `checkpoint-${step}`));
    for (const name of ['config.json', 'model.safetensors']) await fsPromises.writeFile(join(staged, `checkpoint-${step}`, name), text);
  });
const run = async (output: OutputFolder, text = 'run'): Promise<void> => {
  await output.write('attune.json', text);
  for (const step of [1, 2]) await checkpoint(output, step, text);
  await output.place(async (staged) => {
    for (const name of ['config.json', 'model.safetensors', 'trainer_state.json']) await fsPromises.writeFile(join(staged, name), text);
  });
};

const inTheWay = (words: RegExp) => (error: unknown): true => {
  assert.ok(error instanceof UsageError, String(error));
  assert.match(error.message, words);
  return true;
};

/** All that is in a folder but attune's own record: path -> what it is, and what it holds or where it leads. */
function everything(dir: string, above = ''): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync(dir).sort()) {
    if (name === RECORD_FILE) continue;
    const path = join(dir, name);
    const stats = lstatSync(path);
    if (stats.isDirectory()) {
      found.set(`${above}${name}/`, 'folder');
      for (const [key, value] of everything(path, `${above}${name}/`)) found.set(key, value);
    } else found.set(above + name, stats.isSymbolicLink() ? `-> ${readlinkSync(path)}` : readFileSync(path, 'latin1'));
  }
  return found;
}

test('a new folder is made, with those above it', async (t) => {
  const dir = join(folder(t), 'a', 'b');
  await within(dir, fresh);
  assert.deepEqual(readdirSync(dir), []);
});

test('a folder that holds a run is refused, gone on with or overwritten, and what attune did not make stays', async (t) => {
  const dir = folder(t, { 'my notes.txt': 'mine', '.thesis.partial.docx': 'mine' });
  mkdirSync(join(dir, 'checkpoint-final'));
  const before = everything(dir);
  await within(dir, fresh, run);
  await assert.rejects(within(dir, fresh), inTheWay(/already holds a run \(checkpoint-1, checkpoint-2, config\.json, …\)/));
  await within(dir, { mode: 'keep', makes: RUN_FILES, checkpointsAfter: 2 });
  assert.ok(existsSync(join(dir, 'checkpoint-2', 'config.json')));
  await within(dir, { mode: 'keep', makes: [] }, (output) => output.rename('checkpoint-2', 'broken-checkpoint-2'));
  assert.deepEqual(namesIn(join(dir, 'broken-checkpoint-2')), ['config.json', 'model.safetensors']);
  await within(dir, overwrite);
  assert.deepEqual(everything(dir), before);
});

test('a run that left nothing but its manifest is no reason to refuse the folder', async (t) => {
  const dir = folder(t);
  await within(dir, fresh, (output) => output.write('attune.json', 'begun'));
  await within(dir, fresh, run);
});

test('whatever stands under a name that attune needs is refused by that name, and stays', async (t) => {
  const elsewhere = folder(t, { file: 'mine' });
  for (const name of [...RUN_FILES, 'checkpoint-3', 'broken-checkpoint-1']) {
    for (const kind of ['file', 'folder', 'folder with a file', 'link', 'link to nothing', 'link to a folder'] as const) {
      const dir = folder(t);
      const path = join(dir, name);
      if (kind === 'file') writeFileSync(path, 'mine');
      else if (kind.startsWith('folder')) mkdirSync(path);
      else symlinkSync(kind === 'link' ? join(elsewhere, 'file') : kind === 'link to nothing' ? 'nowhere' : elsewhere, path);
      if (kind === 'folder with a file') writeFileSync(join(path, 'file'), 'mine');
      const before = everything(dir);
      for (const mode of ['new', 'overwrite', 'keep'] as const) {
        if (mode === 'keep' && name.startsWith('broken')) continue; // which a run that is gone on with makes only of what is its own
        await assert.rejects(within(dir, { mode, ...RUN }), inTheWay(new RegExp(`holds ${name}(.file)?, which attune did not make`)), `${name}, ${kind}, ${mode}`);
        assert.deepEqual(everything(dir), before);
        assert.ok(!existsSync(join(dir, RECORD_FILE)));
      }
    }
  }
});

test('a folder that attune made stays where something else was put into it; overwriting is refused by that name', async (t) => {
  const dir = folder(t);
  await within(dir, fresh, async (output) => {
    await run(output);
    await output.place(async (staged) => {
      mkdirSync(join(staged, 'baselines', 'majority'), { recursive: true });
      await fsPromises.writeFile(join(staged, 'baselines', 'majority', 'estimator.json'), '{}');
    }, ['baselines/majority']);
  });
  writeFileSync(join(dir, 'checkpoint-1', 'letter.txt'), 'dear');
  writeFileSync(join(dir, 'baselines', 'majority', 'letter.txt'), 'dear');
  await within(dir, { mode: 'keep', makes: [] }, async (output) => assert.deepEqual(await output.remove('checkpoint-1'), ['checkpoint-1/letter.txt']));
  const before = everything(dir);
  await assert.rejects(within(dir, overwrite), inTheWay(/holds checkpoint-1\/letter\.txt, which/));
  assert.deepEqual(everything(dir), before);
  rmSync(join(dir, 'checkpoint-1', 'letter.txt'));
  await within(dir, overwrite);
  assert.deepEqual([...everything(dir).keys()], ['baselines/', 'baselines/majority/', 'baselines/majority/letter.txt']);
});

test('what was attune’s and is a link or a folder by now is not', async (t) => {
  const elsewhere = folder(t, { file: 'mine' });
  const dir = folder(t);
  await within(dir, fresh, run);
  rmSync(join(dir, 'config.json'));
  symlinkSync(join(elsewhere, 'file'), join(dir, 'config.json'));
  renameSync(join(dir, 'checkpoint-2'), join(elsewhere, 'checkpoint-2'));
  symlinkSync(join(elsewhere, 'checkpoint-2'), join(dir, 'checkpoint-2'));
  const before = [everything(dir), everything(elsewhere)];
  await assert.rejects(within(dir, overwrite), inTheWay(/holds config\.json, checkpoint-2, which/));
  await within(dir, { mode: 'keep', makes: [] }, async (output) => assert.deepEqual(await output.remove('checkpoint-2'), ['checkpoint-2']));
  assert.deepEqual([everything(dir), everything(elsewhere)], before);
});

test('a record of its own within a folder that attune made counts with it: the report of a checkpoint', async (t) => {
  const dir = folder(t);
  await within(dir, fresh, run);
  await within(join(dir, 'checkpoint-1'), { mode: 'add', makes: ['report.html'] }, (output) => output.write('report.html', 'page'));
  await within(dir, { mode: 'keep', makes: [] }, async (output) => assert.deepEqual(await output.remove('checkpoint-1'), []));
  assert.ok(!existsSync(join(dir, 'checkpoint-1')));
});

test('a file in the folder’s place is an error that says so', async (t) => {
  const dir = folder(t, { taken: 'x' });
  await assert.rejects(within(join(dir, 'taken'), fresh), /taken cannot be written: it is a file/);
  await assert.rejects(within(join(dir, 'taken', 'deeper'), fresh), /cannot be written/);
});

test('a demo replaces a demo alone, a page a page; a run replaces a demo', async (t) => {
  const dir = folder(t);
  await within(dir, { ...overwrite, purpose: 'demo' }, run);
  await within(dir, { ...overwrite, purpose: 'demo' }, run);
  await within(dir, overwrite, run);
  const before = everything(dir);
  for (const [mode, purpose] of [['overwrite', 'demo'], ['keep', 'page']] as const) {
    await assert.rejects(within(dir, { mode, makes: [], purpose }), inTheWay(new RegExp(`holds a run, which a ${purpose} does not replace`)));
  }
  assert.deepEqual(everything(dir), before);
});

test('a file of the record’s name that is none is left, and nothing is written beside it', async (t) => {
  const outside = JSON.stringify({ format: 1, purpose: 'run', id: '00000000-0000-4000-8000-000000000000', files: ['../letter.txt'] });
  for (const text of ['', 'mine', '{}', '{"format":2}', outside, outside.replace('../letter.txt', '/etc/passwd'), outside.replace('../letter.txt', '.attune.lock')]) {
    const dir = folder(t, { [RECORD_FILE]: text });
    await assert.rejects(within(dir, overwrite), inTheWay(/\.attune-files\.json is not a record/));
    assert.deepEqual(readdirSync(dir), [RECORD_FILE]);
    assert.equal(readFileSync(join(dir, RECORD_FILE), 'utf8'), text);
  }
});

/** Lets the process die, as far as files go, at its n-th change of one: that one and all after it fail. Gives whether it came to that. */
async function dyingAt(t: TestContext, n: number, work: () => Promise<unknown>): Promise<boolean> {
  let calls = 0;
  const names = ['rename', 'rm', 'rmdir', 'mkdir', 'open', 'writeFile', 'link'] as const;
  const mocks = names.map((name) => {
    const original = fsPromises[name].bind(fsPromises) as (...args: unknown[]) => Promise<unknown>;
    const changes = (flags: unknown): boolean => name !== 'open' || flags !== 'r';
    return t.mock.method(fsPromises, name, ((...args: unknown[]) => (changes(args[1]) && ++calls >= n ? Promise.reject(new Error('dead')) : original(...args))) as never);
  });
  syncBuiltinESMExports();
  try {
    await work().catch((error: unknown) => {
      if (calls < n) throw error;
    });
  } finally {
    for (const { mock } of mocks) mock.restore();
    syncBuiltinESMExports();
  }
  return calls >= n;
}

test('a process that dies at any change of a file: each name holds the old or the new, whole; what is the user’s is as it was; nothing else is left', async (t) => {
  const root = folder(t, { 'notes.txt': 'mine' });
  const before = join(root, 'before');
  await within(before, fresh, (output) => run(output, 'old'));
  writeFileSync(join(before, '.notes.partial'), 'mine');
  const scenes: Readonly<Record<string, (output: OutputFolder) => Promise<unknown>>> = {
    'a checkpoint that replaces one, a new one and one removed': async (output) => {
      await checkpoint(output, 2, 'new');
      await checkpoint(output, 3, 'new');
      await output.remove('checkpoint-1');
    },
    'files replaced and new': (output) =>
      output.place(async (staged) => {
        for (const name of ['config.json', 'model.safetensors', 'vocab.json']) await fsPromises.writeFile(join(staged, name), 'new');
      }),
    'a checkpoint set aside': (output) => output.rename('checkpoint-2', 'broken-checkpoint-2'),
  };
  const preparations: readonly [string, Preparation, (output: OutputFolder) => Promise<unknown>][] = [
    ...Object.entries(scenes).map(([name, work]): [string, Preparation, typeof work] => [name, { mode: 'keep', makes: [] }, work]),
    ['a run replaced', overwrite, (output) => run(output, 'new')],
  ];
  let points = 0;
  for (const [name, preparation, work] of preparations) {
    for (let n = 1, died = true; died; n++, points++) {
      const dir = join(root, `${points}`);
      cpSync(before, dir, { recursive: true });
      died = await dyingAt(t, n, () => within(dir, preparation, work));
      // The process that died is this one, which is alive to anybody who asks.
      for (const each of readdirSync(dir)) if (each.startsWith(LOCK_FILE)) rmSync(join(dir, each));
      await (await OutputFolder.open(dir)).close();
      const where = `${name}, dead at its ${n}th change: ${readdirSync(dir).join(', ')}`;
      const found = everything(dir);
      assert.equal(found.get('.notes.partial'), 'mine', where);
      assert.ok(![...found.keys()].some((path) => path.startsWith('.attune')), where);
      for (const top of readdirSync(dir)) {
        if (!/checkpoint/.test(top)) continue;
        const texts = ['config.json', 'model.safetensors'].map((file) => found.get(`${top}/${file}`));
        assert.ok(texts[0] === texts[1] && /^(old|new)$/.test(texts[0] ?? ''), `${where}: ${top} holds ${texts.join(' and ')}`);
      }
      // All that attune made is known as such, and nothing else is.
      for (const file of ['model.safetensors', 'vocab.json']) if (!found.has(file)) writeFileSync(join(dir, file), 'mine');
      const own = [...readdirSync(dir)].filter((each) => found.has(each) && each !== '.notes.partial');
      await within(dir, { mode: 'overwrite', makes: own });
      const kept = ['.notes.partial', ...['model.safetensors', 'vocab.json'].filter((file) => !found.has(file))];
      assert.deepEqual([...everything(dir).keys()].sort(), kept.sort(), where);
      rmSync(dir, { recursive: true });
    }
  }
  t.diagnostic(`${points} points`);
  assert.ok(points > 60, `${points} points`);
});

test('a lock that another has taken ends the work before anything is written', async (t) => {
  const dir = folder(t);
  await within(dir, fresh, run);
  const before = everything(dir);
  const output = await OutputFolder.open(dir);
  t.after(() => output.close());
  await output.prepare({ mode: 'keep', makes: [] });
  const lock = join(dir, LOCK_FILE);
  const other = `${JSON.stringify({ ...(JSON.parse(readFileSync(lock, 'utf8')) as object), pid: 1, host: 'elsewhere', nonce: 'other' })}\n`;
  for (const lose of [() => writeFileSync(lock, other), () => rmSync(lock)]) {
    lose();
    for (const work of [() => checkpoint(output, 9, 'late'), () => output.write('attune.json', 'late'), () => output.remove('checkpoint-1'), () => output.rename('checkpoint-1', 'broken-checkpoint-1')]) {
      await assert.rejects(work, (error) => error instanceof AttuneError && !(error instanceof UsageError) && /the lock of .* is lost \((process 1 on elsewhere, since .* has taken it|its file is gone)\)/.test(error.message));
    }
    const found = everything(dir);
    found.delete(LOCK_FILE);
    assert.deepEqual(found, before);
  }
  writeFileSync(lock, other);
  await output.close();
  assert.equal(readFileSync(lock, 'utf8'), other, 'the other’s lock stays');
});

test('a lock that is lost while a checkpoint is written: it does not get its name', async (t) => {
  const dir = folder(t);
  const output = await OutputFolder.open(dir);
  await output.prepare(fresh);
  t.after(() => output.close());
  await assert.rejects(
    output.place(async (staged) => {
      await fsPromises.writeFile(join(staged, 'config.json'), 'late');
      writeFileSync(join(dir, LOCK_FILE), 'another’s');
    }),
    /the lock of .* is lost/,
  );
  assert.deepEqual(namesIn(dir), [LOCK_FILE]);
});
