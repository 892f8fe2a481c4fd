import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { DataError } from '../errors/attune-error.js';
import { parseJson } from '../json/syntax.js';
import { randperm } from '../random/permutation.js';
import type { Row } from './dataset.js';
import { Dataset } from './dataset.js';

export const SAMPLE_LABELS: readonly string[] = ['negative', 'positive'];
const TRAIN_ROWS = 1000;
const TEST_ROWS = 200;

/**
 * The bundled sample: labelled sentences from reviews on Amazon, IMDb and Yelp (Kotzias et al., From Group to
 * Individual Labels using Deep Features, KDD 2015), read from the installed npm package `sentiment`, which
 * carries 3,000 of them for its own tests. In an order drawn by `seed`, the first 1,000 are for training and
 * the next 200 for testing.
 *
 * @throws DataError `sample-package-missing`, `sample-file-missing`, `sample-file-invalid`
 */
export async function loadSample(seed: number): Promise<{ train: Dataset; test: Dataset }> {
  const { folder, version } = await findPackage();
  const sentences: Row[] = [];
  for (const name of ['amazon', 'imdb', 'yelp'])
    sentences.push(...(await readSentences(join(folder, 'test', 'fixtures', `${name}.json`))));
  const shuffled = Array.from(randperm(sentences.length, seed), (i) => sentences[i]);
  const split = (name: string, from: number, to: number) =>
    new Dataset(
      name,
      `sentences of the npm package sentiment ${version}, shuffled with seed ${seed}`,
      shuffled.slice(from, to),
      SAMPLE_LABELS,
    );
  return { train: split('train', 0, TRAIN_ROWS), test: split('test', TRAIN_ROWS, TRAIN_ROWS + TEST_ROWS) };
}

/** Found as Node finds it from here, wherever a package manager put it. */
async function findPackage(): Promise<{ folder: string; version: string }> {
  try {
    const file = createRequire(import.meta.url).resolve('sentiment/package.json');
    const { version } = JSON.parse(await readFile(file, 'utf8')) as { version: string };
    return { folder: dirname(file), version };
  } catch (cause) {
    throw new DataError('sample-package-missing', {}, { cause });
  }
}

async function readSentences(file: string): Promise<Row[]> {
  let contents: string;
  try {
    contents = await readFile(file, 'utf8');
  } catch (cause) {
    throw new DataError('sample-file-missing', { file }, { cause });
  }
  const parsed = parseJson(contents);
  if ('error' in parsed || !Array.isArray(parsed.value)) throw new DataError('sample-file-invalid', { file });
  const rows: Row[] = [];
  for (const record of parsed.value as { text?: unknown; class?: unknown }[]) {
    // Each file ends with one record without a class.
    if (typeof record.text !== 'string' || (record.class !== 0 && record.class !== 1)) continue;
    rows.push({ text: record.text, label: record.class, labelText: SAMPLE_LABELS[record.class] });
  }
  return rows;
}
