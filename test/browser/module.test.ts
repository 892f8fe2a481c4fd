/**
 * The built module `attune/browser`, loaded as a file of its own: what it reads, refuses and computes without
 * WebGPU. test/serve has it train in a real browser.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { loadSplits as loadInNode } from '#attune/data/splits.js';
import { embeddedModelFolder } from '#attune/model/embedded.js';
import { Tokenizer as NodeTokenizer } from '#attune/text/tokenizer.js';
import type * as Attune from '../../src/browser/index.js';
import { ROWS, toJsonl } from '../support/cli.js';
import { folder } from '../support/folder.js';

const bundle = fileURLToPath(new URL('../../dist/browser/attune.js', import.meta.url));
const attune = (await import(bundle)) as typeof Attune;
const { files } = attune;

const CSV = `text,label\n${ROWS.map(({ text, label_text: label }) => `"${text}",${label}`).join('\n')}\n`;

test('it imports nothing, and of Node least of all', () => {
  const code = readFileSync(bundle, 'utf8');
  assert.doesNotMatch(
    code,
    /["'`]node:|\brequire\(["'`]|\bimport\s*\(|(?:^|[;}\n])import\s*(?:[\w*{]|["'`])/,
  );
  assert.match(code, /export\s*\{/);
  assert.ok(code.length < 600_000, `${code.length} characters`);
  assert.equal(
    attune.packageVersion(),
    (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string })
      .version,
  );
});

test('the licences of what is inside lie beside it', () => {
  const text = readFileSync(join(bundle, '..', 'LICENSES.txt'), 'utf8');
  for (const name of [
    '@huggingface/tokenizers',
    '@noble/hashes',
    'buffer',
    'csv-parse',
    'pako',
    'picomatch',
    'readable-stream',
  ])
    assert.match(text, new RegExp(`^${name} \\d`, 'm'));
});

test('rows are read and parted as in Node', async (t) => {
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

test('what is wrong with the rows is said with its line', async () => {
  const refused = async (name: string, contents: string | Uint8Array, message: RegExp): Promise<void> => {
    await files.write(name, contents);
    await assert.rejects(
      attune.loadSplits({ dataset: name, testSize: 0.5, seed: 1 }),
      (error) =>
        error instanceof attune.DataError && error.name === 'DataError' && message.test(error.message),
      name,
    );
  };
  await refused('quote.csv', 'text,label\n"a",x\n"b\n', /^quote\.csv:3: broken CSV/);
  await refused('fields.csv', 'text,label\na,x\nb,y,z\n', /^fields\.csv:3: has 3 fields/);
  await refused('column.csv', 'sentence,label\na,x\n', /^column\.csv:1: .*text/);
  await refused('object.jsonl', '{"text":"a","label":1}\n{"text":}\n', /^object\.jsonl:2/);
  await refused(
    'latin.csv',
    Buffer.from('text,label\nd\xe9j\xe0 vu,x\n', 'latin1'),
    /^latin\.csv:2: is not UTF-8/,
  );
  await refused('cut.csv.gz', gzipSync(CSV).subarray(0, 60), /ends too early/);
  const changed = gzipSync(CSV);
  changed[changed.length - 6] ^= 1;
  await refused('sum.csv.gz', changed, /gzip/);
  await refused('not.csv.gz', 'text,label\n', /gzip/);
  await refused('one.csv', 'text,label\na,x\nb,x\n', /^one\.csv: all 2 rows have the label "x"/);
  await refused('a.parquet', 'PAR1', /does not read parquet in the browser/);
  await assert.rejects(attune.loadSplits({ dataset: 'sample', seed: 1 }), /not in the browser/);
  await assert.rejects(attune.fromPretrained('openai-community/gpt2'), /fetches nothing from the Hub/);
});

test('the tokenizer and model of files in memory are those of the folder', async () => {
  for (const name of ['config.json', 'vocab.json', 'merges.txt', 'model.safetensors'])
    await files.write(`/mini/${name}`, readFileSync(join(embeddedModelFolder(), name)));
  const [here, inNode] = [
    await attune.Tokenizer.fromDirectory('/mini'),
    await NodeTokenizer.fromDirectory(embeddedModelFolder()),
  ];
  for (const text of ['', ' two  spaces', 'Ünïcödé 日本語 🙂', "it's <|endoftext|> I'd", '\ud800 alone'])
    assert.deepEqual(here.encodeIds(text), inNode.encodeIds(text), text);
  const model = await attune.fromPretrained('/mini', { labelNames: ['a', 'b'], seed: 3 });
  let numbers = 0;
  await model.writeTo({
    writeTensor: (_kind, _name, values) => {
      numbers += values.length;
      return Promise.resolve();
    },
  });
  assert.ok(numbers > 13e6, `${numbers} numbers`);
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

test('without WebGPU it says so before anything is computed', async () => {
  assert.match((await attune.whyNoWebGpu()) ?? '', /WebGPU/);
  assert.throws(() => attune.engineFor('cpu'), { name: 'UsageError', message: /WebGPU alone/ });
  await files.write('/no-gpu/model/config.json', readFileSync(join(embeddedModelFolder(), 'config.json')));
  await assert.rejects(
    attune.fineTune({
      model: '/no-gpu/model',
      dataset: '/both',
      args: attune.resolveArguments({ outputDir: '/no-gpu/run' }),
    }),
    attune.AttuneError,
  );
  assert.equal(files.exists('/no-gpu/run'), false);
});

test('files in memory behave as files do', async () => {
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
