/**
 * The files of the demo page: what the server answers with, and what is written where the page is to lie on a
 * static host.
 */
import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { loadSample } from '../data/sample.js';
import type { Dataset } from '../data/dataset.js';
import { AttuneError, ModelError } from '../errors/attune-error.js';
import { readConfig, requireVocabulary } from '../model/config.js';
import { INDEX_FILE, readIndex, SINGLE_FILE } from '../model/weight-files.js';
import { TOKENIZER_FILES } from '../text/tokenizer-files.js';
import { Tokenizer } from '../text/tokenizer.js';
import type { DemoSettings } from './demo-settings.js';

const PAGE_FILES = [
  'index.html',
  'page.css',
  'icon.svg',
  'page.js',
  'worker.js',
  'compute.js',
  'attune.js',
  'LICENSES.txt',
] as const;

/**
 * Larger models do not fit into a tab beside gradients, moments and the result: all is held in float32,
 * several times.
 */
const MOST_WEIGHT_BYTES = 600 * 2 ** 20;

/** A file of the page: where it is read from, or what it holds. */
export type SiteFile = { readonly path: string } | { readonly contents: string };

/** Name, with forward slashes -> file. The names are all there is: nothing else can be asked for. */
export type Site = ReadonlyMap<string, SiteFile>;

/**
 * The page with a model to start from.
 *
 * @throws ModelError if the folder holds no model that the page can train
 */
export async function demoSite(model: { readonly folder: string; readonly name: string }): Promise<Site> {
  const page = fileURLToPath(new URL('page', import.meta.url));
  const { files, positions } = await modelFiles(model.folder);
  const { train, test } = await loadSample(42);
  const settings: DemoSettings = {
    model: {
      name: model.name,
      files: files.map(({ name }) => name),
      bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
      positions,
    },
    sample: { train: 'sample/train.jsonl', test: 'sample/test.jsonl' },
  };
  return new Map<string, SiteFile>([
    ...PAGE_FILES.map((name) => [name, { path: join(page, name) }] as const),
    ['demo.json', { contents: `${JSON.stringify(settings)}\n` }],
    ['sample/train.jsonl', { contents: jsonLines(train) }],
    ['sample/test.jsonl', { contents: jsonLines(test) }],
    ...files.map(({ name }) => [`model/${name}`, { path: join(model.folder, name) }] as const),
  ]);
}

const jsonLines = ({ rows }: Dataset): string =>
  rows.map(({ text, labelText }) => `${JSON.stringify({ text, label: labelText })}\n`).join('');

/**
 * Read as a run would read it, so that a folder that cannot be trained is refused here and not in the page.
 */
async function modelFiles(folder: string): Promise<{
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  readonly positions: number;
}> {
  const config = await readConfig(folder);
  requireVocabulary(config, (await Tokenizer.fromDirectory(folder)).vocabSize, folder);
  const size = (name: string): Promise<number | undefined> =>
    stat(join(folder, name)).then(
      (found) => (found.isFile() ? found.size : undefined),
      () => undefined,
    );
  const weights: string[] = [];
  if ((await size(SINGLE_FILE)) !== undefined) weights.push(SINGLE_FILE);
  else if ((await size(INDEX_FILE)) !== undefined)
    weights.push(INDEX_FILE, ...new Set((await readIndex(join(folder, INDEX_FILE))).values()));
  if (weights.length === 0)
    throw new ModelError('model-weights-missing', { folder, names: [SINGLE_FILE, INDEX_FILE] });
  const found: { name: string; bytes: number }[] = [];
  for (const name of ['config.json', ...TOKENIZER_FILES, ...weights]) {
    const bytes = await size(name);
    if (bytes !== undefined) found.push({ name, bytes });
    else if (weights.includes(name)) throw new ModelError('model-file-missing', { folder, name });
  }
  const bytes = found.filter(({ name }) => weights.includes(name)).reduce((sum, each) => sum + each.bytes, 0);
  if (bytes > MOST_WEIGHT_BYTES)
    throw new ModelError('site-model-too-large', { folder, bytes, limit: MOST_WEIGHT_BYTES });
  return { files: found, positions: config.nPositions };
}

/**
 * A file of the site to read, and how many bytes that is. What is no file is not waited for.
 *
 * @throws AttuneError if it cannot be read
 */
export async function openSiteFile(
  file: SiteFile,
): Promise<{ readonly bytes: number; readonly stream: Readable }> {
  if ('contents' in file) {
    const contents = Buffer.from(file.contents);
    return { bytes: contents.length, stream: Readable.from([contents]) };
  }
  try {
    // Windows has no such flag
    const handle = await open(file.path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const found = await handle.stat();
      if (!found.isFile()) throw new Error('it is not a file');
      const { size: bytes } = found;
      if (bytes > 0) return { bytes, stream: handle.createReadStream({ end: bytes - 1 }) };
    } catch (error) {
      await handle.close();
      throw error;
    }
    await handle.close();
    return { bytes: 0, stream: Readable.from([]) };
  } catch (cause) {
    const { message: reason } = cause as Error;
    throw new AttuneError('site-file-unreadable', { file: file.path, reason }, { cause });
  }
}

/** The bytes of a file of the site. @throws AttuneError if it cannot be read */
export async function readSiteFile(file: SiteFile): Promise<Uint8Array> {
  return buffer((await openSiteFile(file)).stream);
}
