import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { loadSplits } from '#attune/data/splits.js';
import type { LoadSplitsOptions } from '#attune/data/splits.js';
import { loadEvaluationRows } from '#attune/train/evaluation-rows.js';
import type { EvaluationRows } from '#attune/train/evaluation-rows.js';
import { memoryOf } from '#attune/train/model-memory.js';
import { folder } from '../support/folder.js';

const rows = (count: number, name: string): string =>
  Array.from({ length: count }, (_, i) =>
    JSON.stringify({ text: `${name} ${i}`, label: i % 2 === 0 ? 'a' : 'b' }),
  ).join('\n');

/** What a run with these options holds out, and what loadEvaluationRows finds of it later. */
async function after(
  options: Omit<LoadSplitsOptions, 'seed'>,
  given: { readonly evalRows?: number } = {},
): Promise<{ readonly trained: Awaited<ReturnType<typeof loadSplits>>; readonly found: EvaluationRows }> {
  const trained = await loadSplits({ ...options, seed: 7, plannedParts: { validationSize: 0.15 } });
  const memory = memoryOf({
    ...options,
    ...trained.heldOut,
    ...trained.columns,
    model: 'model',
    seed: 7,
    maxLength: 8,
    labelNames: trained.labelNames,
  });
  return { trained, found: await loadEvaluationRows({ labelNames: trained.labelNames, ...given }, memory) };
}

const dataset = (t: TestContext): string =>
  folder(t, {
    'train.jsonl': rows(40, 'train'),
    'validation.jsonl': rows(20, 'validation'),
    'test.jsonl': rows(30, 'test'),
  });

describe('loadEvaluationRows', () => {
  it('finds the test rows of a run that chose its epoch on other rows', async (t) => {
    const { trained, found } = await after({ dataset: dataset(t), evalRows: 5 });
    assert.deepEqual(found.test.rows, trained.test!.rows);
    assert.match(found.heldOut!, /the split test of .*, the first 5 rows$/);
  });

  it('finds all validation rows of a run without test rows', async (t) => {
    const file = join(dataset(t), 'train.jsonl');
    const { trained, found } = await after({ dataset: file, evalRows: 2 });
    assert.equal(trained.validation!.length, 6);
    assert.deepEqual(found.test.rows, trained.validation!.rows);
    assert.match(found.heldOut!, /by a validation size of 0\.15; if the epoch was chosen by them/);
    assert.deepEqual(found.notes, []);
    assert.equal(
      (await after({ dataset: file }, { evalRows: 2 })).found.test.length,
      2,
      'evalRows limits them if it is given now',
    );
  });

  it('finds the validation split of a run that trained on the test split', async (t) => {
    const { trained, found } = await after({ dataset: dataset(t), split: 'test' });
    assert.deepEqual(found.test.rows, trained.validation!.rows);
    assert.match(found.heldOut!, /the split validation of .*; if the epoch was chosen by them/);
  });
});
