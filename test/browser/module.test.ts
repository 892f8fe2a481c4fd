/**
 * The built module `attune/browser`, loaded as a file of its own: what it reads, refuses and computes without
 * WebGPU. test/serve has it train in a real browser.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { ErrorCode, FactsOf } from '#attune/errors/catalogue.js';
import { loadSplits as loadInNode } from '#attune/data/splits.js';
import { embeddedModelFolder } from '#attune/model/embedded.js';
import { fromPretrained } from '#attune/model/pretrained.js';
import { Tokenizer as NodeTokenizer } from '#attune/text/tokenizer.js';
import type * as Attune from '../../src/browser/index.js';
import { ROWS, toJsonl } from '../support/cli.js';
import { folder } from '../support/folder.js';
import { refusal } from '../support/refusal.js';

const bundle = fileURLToPath(new URL('../../dist/browser/attune.js', import.meta.url));
const attune = (await import(bundle)) as typeof Attune;
const { files } = attune;

/** Writes gpt2-mini to a folder in memory. */
async function writeModel(dir: string): Promise<void> {
  for (const name of ['config.json', 'vocab.json', 'merges.txt', 'model.safetensors'])
    await files.write(`${dir}/${name}`, readFileSync(join(embeddedModelFolder(), name)));
}

/** How many numbers a model has, and a hash of each tensor. */
async function tensorHashes(
  model: Pick<Attune.PretrainedModel, 'writeTo'>,
): Promise<{ numbers: number; hashes: Record<string, string> }> {
  const hashes: Record<string, string> = {};
  let numbers = 0;
  await model.writeTo({
    writeTensor: (_kind, name, values) => {
      numbers += values.length;
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      hashes[name] = createHash('sha256').update(bytes).digest('hex');
      return Promise.resolve();
    },
  });
  return { numbers, hashes };
}

const CSV = `text,label\n${ROWS.map(({ text, label_text: label }) => `"${text}",${label}`).join('\n')}\n`;

/** Loads a file, and expects an error that names it, with these facts. */
async function assertDataError<Code extends ErrorCode>(
  name: string,
  contents: string | Uint8Array,
  code: Code,
  facts: Partial<FactsOf<Code>>,
): Promise<void> {
  await files.write(name, contents);
  await assert.rejects(
    attune.loadSplits({ dataset: name, testSize: 0.5, seed: 1 }),
    (error: Attune.DataError) => {
      assert.equal(error.name, 'DataError');
      assert.equal(error.facts.file ?? error.facts.source, name);
      return refusal(attune.DataError, code, facts)(error);
    },
  );
}

describe('attune/browser', () => {
  it('is a single module below 625,000 characters without imports', () => {
    const code = readFileSync(bundle, 'utf8');
    assert.doesNotMatch(
      code,
      /["'`]node:|\brequire\(["'`]|\bimport\s*\(|(?:^|[;}\n])import\s*(?:[\w*{]|["'`])/,
    );
    assert.match(code, /export\s*\{/);
    assert.ok(code.length < 625_000, `${code.length} characters`);
    assert.equal(
      attune.packageVersion(),
      (
        JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
          version: string;
        }
      ).version,
    );
  });

  it('comes with the licenses of the packages in it', () => {
    const text = readFileSync(join(bundle, '..', 'LICENSES.txt'), 'utf8');
    const packages = [...text.matchAll(/^(\S+) \d+\.\d+\.\d+ \(.+\)$/gm)].map((match) => match[1]);
    assert.deepEqual(packages, [
      '@huggingface/tokenizers',
      '@noble/hashes',
      'abort-controller',
      'base64-js',
      'buffer',
      'csv-parse',
      'events',
      'ieee754',
      'pako',
      'picomatch',
      'readable-stream',
      'safe-buffer',
      'string_decoder',
    ]);
  });

  it('reads and splits rows as in Node', async (t) => {
    const contents: [string, string | Uint8Array][] = [
      ['a.csv', CSV],
      ['a.jsonl', toJsonl(ROWS)],
      ['a.json', JSON.stringify(ROWS)],
      ['a.tsv', CSV.replaceAll(',', '\t')],
      ['a.csv.gz', gzipSync(CSV)],
      ['b.csv.gz', Buffer.concat([gzipSync(CSV.slice(0, 90)), gzipSync(CSV.slice(90))])],
    ];
    const dir = folder(t, Object.fromEntries(contents));
    for (const [name, bytes] of contents) {
      await files.write(`/rows/${name}`, bytes);
      const options = { testSize: 0.25, trainRows: 9, seed: 7 };
      const here = await attune.loadSplits({ ...options, dataset: `/rows/${name}` });
      const inNode = await loadInNode({ ...options, dataset: join(dir, name) });
      assert.deepEqual(here.train.rows, inNode.train.rows, name);
      assert.deepEqual(here.test!.rows, inNode.test!.rows, name);
      assert.deepEqual(here.labelNames, inNode.labelNames);
    }
    await files.write('/both/train.csv', CSV);
    await files.write('/both/test.csv', CSV);
    assert.equal((await attune.loadSplits({ dataset: '/both', seed: 1 })).test!.length, ROWS.length);
  });

  it('reports file and line of malformed rows', async () => {
    const line = 3;
    const delimiter = ',';
    await assertDataError('quote.csv', 'text,label\n"a",x\n"b\n', 'csv-quote-unclosed', { line, delimiter });
    await assertDataError('fields.csv', 'text,label\na,x\nb,y,z\n', 'csv-row-width', {
      line,
      found: 3,
      expected: 2,
      delimiter,
    });
    await assertDataError('column.csv', 'sentence,label\na,x\n', 'column-missing', {
      line: 1,
      column: 'text',
      columns: ['sentence', 'label'],
    });
    await assertDataError('object.jsonl', '{"text":"a","label":1}\n{"text":}\n', 'jsonl-broken', {
      line: 2,
      column: 9,
    });
    const latin1 = Buffer.from('text,label\nd\xe9j\xe0 vu,x\n', 'latin1');
    await assertDataError('latin.csv', latin1, 'data-file-not-utf8', { line: 2 });
    await assertDataError('cut.csv.gz', gzipSync(CSV).subarray(0, 60), 'gzip-cut-short', {});
    const changed = gzipSync(CSV);
    changed[changed.length - 6] ^= 1;
    await assertDataError('sum.csv.gz', changed, 'gzip-damaged', { reason: 'incorrect data check' });
    await assertDataError('not.csv.gz', 'text,label\n', 'gzip-damaged', { reason: 'incorrect header check' });
    await assertDataError('one.csv', 'text,label\na,x\nb,x\n', 'labels-of-one-class', {
      rows: 2,
      label: 'x',
    });
  });

  it('refuses parquet, the bundled sample and models of the Hub', async () => {
    await files.write('a.parquet', 'PAR1');
    await assert.rejects(
      attune.loadSplits({ dataset: 'a.parquet', testSize: 0.5, seed: 1 }),
      refusal(attune.DataError, 'browser-without-parquet', { file: 'a.parquet' }),
    );
    await assert.rejects(
      attune.loadSplits({ dataset: 'sample', seed: 1 }),
      refusal(attune.DataError, 'browser-without-sample'),
    );
    await assert.rejects(
      attune.fromPretrained('openai-community/gpt2'),
      refusal(attune.AttuneError, 'hub-name-not-here', {
        name: 'openai-community/gpt2',
        path: '/openai-community/gpt2',
        error: { code: 'browser-without-hub', facts: {} },
      }),
    );
  });

  it('loads the same tokenizer and model from files in memory as Node from a folder', async () => {
    await writeModel('/mini');
    const [here, inNode] = [
      await attune.Tokenizer.fromDirectory('/mini'),
      await NodeTokenizer.fromDirectory(embeddedModelFolder()),
    ];
    for (const text of ['', ' two  spaces', 'Ünïcödé 日本語 🙂', "it's <|endoftext|> I'd", '\ud800 alone'])
      assert.deepEqual(here.encodeIds(text), inNode.encodeIds(text), text);
    const options = { labelNames: ['a', 'b'], seed: 3 };
    const loaded = await tensorHashes(await attune.fromPretrained('/mini', options));
    assert.ok(loaded.numbers > 13e6, `${loaded.numbers} numbers`);
    assert.deepEqual(loaded, await tensorHashes(await fromPretrained(embeddedModelFolder(), options)));
    await here.save('/saved');
    assert.deepEqual(files.list('/saved'), [
      'merges.txt',
      'special_tokens_map.json',
      'tokenizer_config.json',
      'vocab.json',
    ]);
    files.remove('/mini');
    assert.equal(files.exists('/mini/vocab.json'), false);
  });

  it('reports that WebGPU is missing before it computes anything', async () => {
    const reason = await attune.whyNoWebGpu();
    assert.match(reason ?? '', /WebGPU/);
    assert.throws(
      () => attune.engineFor('cpu'),
      refusal(attune.UsageError, 'browser-without-device', { device: 'cpu' }),
    );
    await writeModel('/no-gpu/model');
    await files.write('/no-gpu/data/train.csv', CSV);
    await files.write('/no-gpu/data/test.csv', CSV);
    await assert.rejects(
      attune.fineTune({
        model: '/no-gpu/model',
        dataset: '/no-gpu/data',
        args: attune.resolveArguments({ outputDir: '/no-gpu/run' }),
      }),
      refusal(attune.AttuneError, 'browser-without-webgpu', { reason: reason! }),
    );
    assert.equal(files.exists('/no-gpu/run'), false);
    files.remove('/no-gpu');
  });
});

describe('files', () => {
  it('stores files as a disk does and returns copies of their bytes', async () => {
    await files.write('f/x/a.txt', 'abc');
    assert.equal(files.readText('/f/x/a.txt'), 'abc');
    assert.deepEqual([...files.folder('/f/x').keys()], ['a.txt']);
    assert.throws(() => files.read('/f/none'), { code: 'ENOENT' });
    assert.throws(() => files.read('/f/x'), { code: 'EISDIR' });
    await assert.rejects(files.write('/f/x/a.txt/b', ''), { code: 'EEXIST' });
    const bytes = files.read('/f/x/a.txt');
    bytes[0] = 0;
    assert.equal(files.readText('/f/x/a.txt'), 'abc', 'what is given out is a copy');
    files.remove('/f');
    files.remove('/f');
    assert.equal(files.exists('/f/x'), false);
  });
});
