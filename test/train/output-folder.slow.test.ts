/** Processes that die at each change of a file in turn, while they save, replace, remove and overwrite. */
import assert from 'node:assert/strict';
import { cpSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import fsPromises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { OutputFolder } from '#attune/train/output-folder.js';
import type { Preparation } from '#attune/train/output-folder.js';
import { LOCK_FILE } from '#attune/train/run-lock.js';
import { folder } from '../support/folder.js';
import { checkpoint, everything, fresh, overwrite, run, within } from '../support/output-folder.js';

/**
 * Makes the n-th change of a file and all later ones fail, as if the process had died there.
 *
 * @returns whether there were so many changes
 */
async function dyingAt(t: TestContext, n: number, work: () => Promise<unknown>): Promise<boolean> {
  let calls = 0;
  const names = ['rename', 'rm', 'rmdir', 'mkdir', 'open', 'writeFile', 'link'] as const;
  const mocks = names.map((name) => {
    const original = fsPromises[name].bind(fsPromises) as (...args: unknown[]) => Promise<unknown>;
    const changes = (flags: unknown): boolean => name !== 'open' || flags !== 'r';
    return t.mock.method(fsPromises, name, ((...args: unknown[]) =>
      changes(args[1]) && ++calls >= n ? Promise.reject(new Error('dead')) : original(...args)) as never);
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

interface Work {
  readonly what: string;
  readonly preparation: Preparation;
  readonly work: (output: OutputFolder) => Promise<unknown>;
}

const keep: Preparation = { mode: 'keep', makes: [] };
const WORKS: readonly Work[] = [
  {
    what: 'replacing, adding and removing a checkpoint',
    preparation: keep,
    work: async (output) => {
      await checkpoint(output, 2, 'new');
      await checkpoint(output, 3, 'new');
      await output.remove('checkpoint-1');
    },
  },
  {
    what: 'replacing and adding files',
    preparation: keep,
    work: (output) =>
      output.place(async (staged) => {
        for (const name of ['config.json', 'model.safetensors', 'vocab.json'])
          await fsPromises.writeFile(join(staged, name), 'new');
      }),
  },
  {
    what: 'renaming a checkpoint',
    preparation: keep,
    work: (output) => output.rename('checkpoint-2', 'broken-checkpoint-2'),
  },
  { what: 'replacing a run', preparation: overwrite, work: (output) => run(output, 'new') },
];

/** Fails unless the user's file is as it was, nothing of the operation is left, and checkpoints are old or new. */
function assertWhole(dir: string, when: string): void {
  const found = everything(dir);
  assert.equal(found.get('.notes.partial'), 'mine', when);
  assert.ok(![...found.keys()].some((path) => path.startsWith('.attune')), when);
  for (const top of readdirSync(dir)) {
    if (!/checkpoint/.test(top)) continue;
    const texts = ['config.json', 'model.safetensors'].map((file) => found.get(`${top}/${file}`));
    assert.ok(
      texts[0] === texts[1] && /^(old|new)$/.test(texts[0] ?? ''),
      `${when}: ${top} holds ${texts.join(' and ')}`,
    );
  }
}

/** Fails unless overwriting removes all that attune made, and nothing else. */
async function assertOwned(dir: string, when: string): Promise<void> {
  const found = everything(dir);
  for (const file of ['model.safetensors', 'vocab.json'])
    if (!found.has(file)) writeFileSync(join(dir, file), 'mine');
  const own = [...readdirSync(dir)].filter((each) => found.has(each) && each !== '.notes.partial');
  await within(dir, { mode: 'overwrite', makes: own });
  const kept = ['.notes.partial', ...['model.safetensors', 'vocab.json'].filter((file) => !found.has(file))];
  assert.deepEqual([...everything(dir).keys()].sort(), kept.sort(), when);
}

describe('OutputFolder.open', () => {
  it('leaves old or new files, whole, after a death at any change, and keeps other files', async (t) => {
    const root = folder(t, { 'notes.txt': 'mine' });
    const before = join(root, 'before');
    await within(before, fresh, (output) => run(output, 'old'));
    writeFileSync(join(before, '.notes.partial'), 'mine');
    let points = 0;
    for (const { what, preparation, work } of WORKS) {
      for (let n = 1, died = true; died; n++, points++) {
        const dir = join(root, `${points}`);
        cpSync(before, dir, { recursive: true });
        died = await dyingAt(t, n, () => within(dir, preparation, work));
        // The lock names this process, which is alive.
        for (const each of readdirSync(dir)) if (each.startsWith(LOCK_FILE)) rmSync(join(dir, each));
        await (await OutputFolder.open(dir)).close();
        const when = `${what}, dead at change ${n}: ${readdirSync(dir).join(', ')}`;
        assertWhole(dir, when);
        await assertOwned(dir, when);
        rmSync(dir, { recursive: true });
      }
    }
    t.diagnostic(`${points} points`);
    assert.ok(points > 60, `${points} points`);
  });
});
