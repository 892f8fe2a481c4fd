/** Work on the rows of a dataset stops when its signal is aborted. */
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { Dataset } from '#attune/data/dataset.js';
import { inspectSplits } from '#attune/data/inspect.js';
import { LabelMap } from '#attune/data/labels.js';
import { loadDataset } from '#attune/data/load.js';
import { readRows } from '#attune/data/rows.js';
import { loadSplits } from '#attune/data/splits.js';
import { streamChunks } from '#attune/data/text-blocks.js';
import { embeddedModelFolder } from '#attune/model/embedded.js';
import { paced } from '#attune/pace.js';
import { encodeTexts } from '#attune/text/encode-texts.js';
import { encodeCached } from '#attune/text/token-cache.js';
import { Tokenizer } from '#attune/text/tokenizer.js';
import { encodeDataset } from '#attune/train/encode-splits.js';
import { hashOfData, hashOfTokens } from '#attune/train/manifest.js';
import { abortNextTurn, hurryClock } from '../support/clock.js';
import { folder } from '../support/folder.js';

const tokenizer = await Tokenizer.fromDirectory(embeddedModelFolder());

/** Enough rows that work is left when the signal is aborted. */
const COUNT = 50;
const raw = Array.from({ length: COUNT }, (_, i) => ({ line: i + 1, text: `a fine day ${i}`, label: i % 2 }));
const names = ['bad', 'good'];
const dataset = new Dataset(
  'train',
  'train.jsonl',
  raw.map(({ text, label }) => ({ text, label })),
  names,
);
const splits = { train: dataset, test: dataset, labelNames: names, notes: [] };
const texts = raw.map(({ text }) => text);
const encoded = {
  rows: texts.map((text) => tokenizer.encode(text, { maxLength: 8 })),
  labels: Int32Array.from(raw, ({ label }) => label),
};

const FILES = {
  'rows.jsonl': raw.map(({ text, label }) => JSON.stringify({ text, label })).join('\n'),
  'rows.json': JSON.stringify(raw.map(({ text, label }) => ({ text, label }))),
  'rows.csv': `text,label\n${raw.map(({ text, label }) => `${text},${label}`).join('\n')}`,
  'rows.tsv': `text\tlabel\n${raw.map(({ text, label }) => `${text}\t${label}`).join('\n')}`,
};

const WORK: Readonly<Record<string, (signal: AbortSignal, dir: string) => Promise<unknown>>> = {
  'readRows of JSON Lines': (signal, dir) => readRows(`${dir}/rows.jsonl`, { signal }),
  'readRows of a JSON array': (signal, dir) => readRows(`${dir}/rows.json`, { signal }),
  'readRows of CSV': (signal, dir) => readRows(`${dir}/rows.csv`, { signal }),
  'readRows of TSV': (signal, dir) => readRows(`${dir}/rows.tsv`, { signal }),
  'LabelMap.learn': (signal) => LabelMap.learn(raw, 'rows.jsonl', signal),
  'LabelMap.encode': (signal) => LabelMap.of(names).encode(raw, 'rows.jsonl', signal),
  'loadSplits of a file': (signal, dir) => loadSplits({ dataset: `${dir}/rows.jsonl`, seed: 1, signal }),
  'loadSplits of a pattern of files': (signal, dir) =>
    loadSplits({ dataset: `${dir}/rows.{csv,tsv}`, seed: 1, signal }),
  'loadSplits with a test size': (signal, dir) =>
    loadSplits({ dataset: `${dir}/rows.jsonl`, testSize: 0.5, seed: 1, signal }),
  loadDataset: (signal, dir) => loadDataset(`${dir}/rows.jsonl`, { signal }),
  'Dataset.splitting': (signal) => paced(dataset.splitting({ testSize: 0.5, stratified: true }), signal),
  inspectSplits: (signal) => inspectSplits(splits, tokenizer, 8, 3, signal),
  encodeTexts: (signal) => encodeTexts(texts, tokenizer, 8, signal),
  encodeDataset: (signal) => encodeDataset(dataset, tokenizer, 8, signal),
  'encodeCached without cached ids': (signal, dir) =>
    encodeCached(texts, tokenizer, 8, { folder: `${dir}/new`, worthCharacters: 1, signal }),
  'encodeCached with cached ids': async (signal, dir) => {
    await encodeCached(texts, tokenizer, 8, { folder: `${dir}/tokens`, worthCharacters: 1 });
    return encodeCached(texts, tokenizer, 8, { folder: `${dir}/tokens`, worthCharacters: 1, signal });
  },
  hashOfData: (signal) => hashOfData(dataset, signal),
  hashOfTokens: (signal) => hashOfTokens(encoded, signal),
};

describe('abort signal', () => {
  for (const [name, work] of Object.entries(WORK)) {
    it(`stops ${name} with the signal’s reason`, async (t) => {
      const dir = folder(t, FILES);
      hurryClock(t);
      await assert.rejects(work(abortNextTurn(), dir), /enough/);
    });
  }
});

describe('readRows', () => {
  it('does not start if the signal is already aborted', async (t) => {
    const dir = folder(t, FILES);
    await assert.rejects(
      readRows(`${dir}/rows.jsonl`, { signal: AbortSignal.abort(new Error('enough')) }),
      /enough/,
    );
  });
});

describe('encodeTexts', () => {
  it('stops an endless generator when the signal is aborted', async () => {
    const endless = function* (): Generator<string> {
      for (;;) yield 'again and again';
    };
    await assert.rejects(encodeTexts(endless(), tokenizer, 8, abortNextTurn()), /enough/);
  });
});

describe('streamChunks', () => {
  it('stops waiting for bytes when the signal is aborted, and closes the stream', async () => {
    const stream = new PassThrough();
    stream.write('a line\n');
    const abort = new AbortController();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const chunk of streamChunks(stream, abort.signal)) {
        seen.push(String(chunk));
        setImmediate(() => abort.abort(new Error('enough')));
      }
    })();
    await assert.rejects(reading, /enough/);
    assert.deepEqual(seen, ['a line\n']);
    assert.equal(stream.destroyed, true);
  });

  it('yields all bytes of the stream', async () => {
    const stream = new PassThrough();
    stream.end('all of it');
    const chunks: string[] = [];
    for await (const chunk of streamChunks(stream, new AbortController().signal)) chunks.push(String(chunk));
    assert.deepEqual(chunks, ['all of it']);
  });

  it('rejects with the error of the stream', async () => {
    const broken = new PassThrough();
    setImmediate(() => broken.destroy(new Error('a broken pipe')));
    await assert.rejects(async () => {
      for await (const chunk of streamChunks(broken, new AbortController().signal))
        assert.fail(String(chunk));
    }, /a broken pipe/);
  });
});
