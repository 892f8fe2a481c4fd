/** Checkpoints that were changed after they were written are detected, named and skipped. */
import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { ModelError } from '#attune/errors/attune-error.js';
import { verifyCheckpoint } from '#attune/train/checkpoint.js';
import { newestWholeCheckpoint } from '#attune/train/whole-checkpoint.js';
import { folder } from '../support/folder.js';
import { CHECKPOINT_FILES } from '../support/folder-contents.js';
import { printed } from '../support/refusal.js';
import { tinyTrainer } from '../support/tiny-run.js';

function isSameJson(a: string, b: string): boolean {
  try {
    return isDeepStrictEqual(JSON.parse(a), JSON.parse(b));
  } catch {
    return false;
  }
}

describe('verifyCheckpoint', () => {
  it('refuses any changed bit, truncation or missing file and names the file', async (t) => {
    const dir = folder(t);
    await (await tinyTrainer(t, { dir, args: { maxSteps: 1, evalStrategy: 'no' } })).trainer.train();
    const whole = join(dir, 'checkpoint-1');
    assert.deepEqual(readdirSync(whole).sort(), CHECKPOINT_FILES);
    await verifyCheckpoint(whole);
    const damaged = join(dir, 'damaged');
    cpSync(whole, damaged, { recursive: true });
    const refuses = async (file: string): Promise<void> => {
      await assert.rejects(verifyCheckpoint(damaged), (error) => {
        assert.ok(error instanceof ModelError, String(error));
        if (file !== 'checksums.json') assert.equal(error.facts['file'], join(damaged, file));
        return true;
      });
      cpSync(join(whole, file), join(damaged, file));
    };
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...CHECKPOINT_FILES),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.integer({ min: 0, max: 7 }),
        fc.boolean(),
        async (file, place, bit, cut) => {
          const path = join(damaged, file);
          const at = Math.floor(place * statSync(path).size);
          const before = readFileSync(path);
          const after = Buffer.from(cut ? before.subarray(0, at) : before);
          if (!cut) after[at] ^= 1 << bit;
          // Checksums that are spelled in another way (without the last line feed, say) mean the same.
          if (file === 'checksums.json' && isSameJson(after.toString('latin1'), before.toString('latin1')))
            return;
          writeFileSync(path, after);
          await refuses(file);
        },
      ),
      { numRuns: 120 },
    );
    for (const file of CHECKPOINT_FILES) {
      rmSync(join(damaged, file));
      await refuses(file);
    }
  });
});

describe('newestWholeCheckpoint', () => {
  it('finds nothing in a missing folder', async (t) => {
    const found = await newestWholeCheckpoint(join(folder(t), 'absent'));
    assert.deepEqual(found, { dir: undefined, broken: [] });
  });

  it('skips and names damaged checkpoints, and those whose best checkpoint is damaged', async (t) => {
    const dir = folder(t);
    // With a learning rate of 0 no evaluation is better than the first: the best is checkpoint-3.
    await (
      await tinyTrainer(t, { dir, args: { loadBestModelAtEnd: true, learningRate: 0 } })
    ).trainer.train();
    assert.equal((await newestWholeCheckpoint(dir, true)).dir, join(dir, 'checkpoint-9'));
    const file = join(dir, 'checkpoint-9', 'optimizer.safetensors');
    const { size: expected } = statSync(file);
    truncateSync(file, 100);
    const found = await newestWholeCheckpoint(dir, true);
    assert.equal(found.dir, join(dir, 'checkpoint-6'));
    assert.deepEqual(found.broken, [
      { name: 'checkpoint-9', reason: printed('checkpoint-file-size', { file, found: 100, expected }) },
    ]);
    truncateSync(join(dir, 'checkpoint-3', 'model.safetensors'), 100);
    assert.equal((await newestWholeCheckpoint(dir)).dir, join(dir, 'checkpoint-6'));
    const none = await newestWholeCheckpoint(dir, true);
    assert.deepEqual(
      [none.dir, none.broken.map(({ name }) => name)],
      [undefined, ['checkpoint-9', 'checkpoint-6', 'checkpoint-3']],
    );
  });
});
