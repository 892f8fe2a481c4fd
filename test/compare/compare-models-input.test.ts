/** Rows that `compareModels` refuses before it opens a model or makes a file. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { compareModels } from '#attune/compare/compare-models.js';
import { Dataset } from '#attune/data/dataset.js';
import { UsageError } from '#attune/errors/attune-error.js';
import { folder } from '../support/folder.js';
import { refusal } from '../support/refusal.js';

const split = (name: string, labelNames: readonly string[]): Dataset =>
  new Dataset(
    name,
    'rows',
    labelNames.map((text, label) => ({ text, label })),
    labelNames,
  );

async function assertRefuses(
  t: TestContext,
  train: Dataset,
  test: Dataset,
  expected: (error: unknown) => boolean,
): Promise<void> {
  const dir = folder(t);
  await assert.rejects(
    compareModels({
      finetuned: join(dir, 'no model'),
      base: join(dir, 'no model'),
      train,
      test,
      datasetName: 'rows',
      outputDir: join(dir, 'output'),
      seed: 7,
      trainPeakMemoryBytes: null,
    }),
    expected,
  );
  assert.deepEqual(readdirSync(dir), []);
}

describe('compareModels', () => {
  it('refuses training and test rows with different classes before it makes the output folder', async (t) => {
    const [two, three, swapped] = [
      ['n', 'p'],
      ['n', 'p', 'q'],
      ['p', 'n'],
    ];
    for (const [train, test] of [
      [three, two],
      [two, three],
      [two, swapped],
    ] as const)
      await assertRefuses(
        t,
        split('train', train),
        split('test', test),
        refusal(UsageError, 'classes-differ', { train, test }),
      );
  });

  it('refuses splits without rows before it makes the output folder', async (t) => {
    const full = split('train', ['n', 'p']);
    const empty = full.filter(() => false);
    await assertRefuses(t, empty, full, refusal(UsageError, 'comparison-split-empty', { split: 'train' }));
    await assertRefuses(t, full, empty, refusal(UsageError, 'comparison-split-empty', { split: 'test' }));
  });
});
