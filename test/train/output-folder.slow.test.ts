/** A process that dies at each change of a file in turn, while it saves, replaces, removes and overwrites. */
import assert from 'node:assert/strict';
import { cpSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import fsPromises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { OutputFolder } from '#attune/train/output-folder.js';
import type { Preparation } from '#attune/train/output-folder.js';
import { LOCK_FILE } from '#attune/train/run-lock.js';
import { folder } from '../support/folder.js';
import { checkpoint, everything, fresh, overwrite, run, within } from '../support/output-folder.js';

/**
 * Lets the process die, as far as files go, at its n-th change of one: that one and all after it fail. Gives
 * whether it came to that.
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

test('after death at any change of a file: old or new files, whole; the user’s files unchanged', async (t) => {
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
        for (const name of ['config.json', 'model.safetensors', 'vocab.json'])
          await fsPromises.writeFile(join(staged, name), 'new');
      }),
    'a checkpoint set aside': (output) => output.rename('checkpoint-2', 'broken-checkpoint-2'),
  };
  const preparations: readonly [string, Preparation, (output: OutputFolder) => Promise<unknown>][] = [
    ...Object.entries(scenes).map(([name, work]): [string, Preparation, typeof work] => [
      name,
      { mode: 'keep', makes: [] },
      work,
    ]),
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
        assert.ok(
          texts[0] === texts[1] && /^(old|new)$/.test(texts[0] ?? ''),
          `${where}: ${top} holds ${texts.join(' and ')}`,
        );
      }
      // All that attune made is known as such, and nothing else is.
      for (const file of ['model.safetensors', 'vocab.json'])
        if (!found.has(file)) writeFileSync(join(dir, file), 'mine');
      const own = [...readdirSync(dir)].filter((each) => found.has(each) && each !== '.notes.partial');
      await within(dir, { mode: 'overwrite', makes: own });
      const kept = [
        '.notes.partial',
        ...['model.safetensors', 'vocab.json'].filter((file) => !found.has(file)),
      ];
      assert.deepEqual([...everything(dir).keys()].sort(), kept.sort(), where);
      rmSync(dir, { recursive: true });
    }
  }
  t.diagnostic(`${points} points`);
  assert.ok(points > 60, `${points} points`);
});
