/** Checkpoints changed after they were written: seen, named, passed over. */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { ModelError } from '#attune/errors.js';
import { verifyCheckpoint } from '#attune/train/checkpoint.js';
import { newestWholeCheckpoint } from '#attune/train/whole-checkpoint.js';
import { folder } from '../support/folder.js';
import { tinyTrainer } from '../support/tiny-run.js';

const FILES = [
  'attune_state.json',
  'checksums.json',
  'config.json',
  'model.safetensors',
  'optimizer.safetensors',
  'trainer_state.json',
  'training_args.json',
  'vocab.json',
];

test('any changed bit, any cut and any missing file is found', async (t) => {
  const dir = folder(t);
  await (await tinyTrainer(t, { dir, args: { maxSteps: 1, evalStrategy: 'no' } })).trainer.train();
  const whole = join(dir, 'checkpoint-1');
  await verifyCheckpoint(whole);
  const damaged = join(dir, 'damaged');
  cpSync(whole, damaged, { recursive: true });
  const refuses = async (file: string): Promise<void> => {
    await assert.rejects(verifyCheckpoint(damaged), (error) => {
      assert.ok(error instanceof ModelError, String(error));
      if (file !== 'checksums.json') assert.ok(error.message.includes(file), error.message);
      return true;
    });
    cpSync(join(whole, file), join(damaged, file));
  };
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...FILES),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      fc.integer({ min: 0, max: 7 }),
      fc.boolean(),
      async (file, place, bit, cut) => {
        const path = join(damaged, file);
        const at = Math.floor(place * statSync(path).size);
        const before = readFileSync(path);
        const after = Buffer.from(cut ? before.subarray(0, at) : before);
        if (!cut) after[at] ^= 1 << bit;
        // Checksums may be spelt in another way (without the last line feed, say) and still say the same.
        if (file === 'checksums.json' && isDeepEqualJson(after.toString('latin1'), before.toString('latin1')))
          return;
        writeFileSync(path, after);
        await refuses(file);
      },
    ),
    { numRuns: 120 },
  );
  for (const file of FILES) {
    rmSync(join(damaged, file));
    await refuses(file);
  }
});

function isDeepEqualJson(a: string, b: string): boolean {
  try {
    assert.deepEqual(JSON.parse(a), JSON.parse(b));
    return true;
  } catch {
    return false;
  }
}

test('the newest whole checkpoint is found, broken ones are named; its best one must be whole too', async (t) => {
  const dir = folder(t);
  assert.deepEqual(await newestWholeCheckpoint(join(dir, 'absent')), { dir: undefined, broken: [] });
  // With a learning rate of 0 no evaluation is better than the first: the best is checkpoint-3.
  await (await tinyTrainer(t, { dir, args: { loadBestModelAtEnd: true, learningRate: 0 } })).trainer.train();
  assert.equal((await newestWholeCheckpoint(dir, true)).dir, join(dir, 'checkpoint-9'));
  truncateSync(join(dir, 'checkpoint-9', 'optimizer.safetensors'), 100);
  const found = await newestWholeCheckpoint(dir, true);
  assert.equal(found.dir, join(dir, 'checkpoint-6'));
  assert.equal(found.broken.length, 1);
  assert.match(
    found.broken[0].reason,
    /checkpoint-9.optimizer\.safetensors is damaged: it has 100 bytes, not the \d+/,
  );
  truncateSync(join(dir, 'checkpoint-3', 'model.safetensors'), 100);
  assert.equal((await newestWholeCheckpoint(dir)).dir, join(dir, 'checkpoint-6'));
  const none = await newestWholeCheckpoint(dir, true);
  assert.deepEqual(
    [none.dir, none.broken.map(({ name }) => name)],
    [undefined, ['checkpoint-9', 'checkpoint-6', 'checkpoint-3']],
  );
});
