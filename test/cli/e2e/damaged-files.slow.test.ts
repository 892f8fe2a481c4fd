/**
 * Damaged weights, checkpoints and data files are refused by name before training, and the output folder stays as
 * it was.
 */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { before, describe, it } from 'node:test';
import { attune, ROWS, toJsonl } from '../../support/cli.js';
import type { CliResult } from '../../support/cli.js';
import { printed } from '../../support/refusal.js';
import { safetensorsBytes } from '../../support/safetensors.js';
import { modelAndData } from '../../support/workspace.js';

const cwd = modelAndData();

/** The sentence of an error, or how it begins. */
type Sentence = string | { readonly begins: string };

/** One error, no stack, nothing on stdout. */
function assertRefused({ code, stdout, stderr }: CliResult, sentence: Sentence, expected = 1): void {
  assert.equal(code, expected, stderr);
  assert.equal(stdout, '');
  const begins = typeof sentence === 'string' ? `${sentence}\n` : sentence.begins;
  assert.ok(stderr.startsWith(`error: ${begins}`), `${stderr}does not begin with ${begins}`);
  assert.equal(stderr.match(/^error: /gm)?.length, 1, stderr);
  assert.doesNotMatch(stderr, /^\s+at .*:\d+:\d+\)?$|defect of attune/m);
}

async function refusesToTrain(words: readonly string[], sentence: Sentence): Promise<void> {
  assertRefused(
    await attune(['train', '--model', 'model', '--output-dir', 'out', ...words], { cwd }),
    sentence,
  );
  assert.ok(!existsSync(join(cwd, 'out')), 'an output folder was left');
}

/** Every file under a folder with its time and bytes: equal if nothing was done to the folder. */
function contentsOf(dir: string): Record<string, string> {
  const paths = readdirSync(dir, { recursive: true, withFileTypes: true }).map((entry) => ({
    path: join(entry.parentPath, entry.name),
    isFile: entry.isFile(),
  }));
  return Object.fromEntries(
    paths.map(({ path, isFile }) => [
      relative(dir, path),
      isFile ? `${statSync(path).mtimeMs} ${readFileSync(path).toString('base64')}` : '',
    ]),
  );
}

const LENGTH_BYTES = 8;

/** The header's JSON and the data of a sound file. */
function parts(bytes: Buffer): {
  header: Record<string, { data_offsets: [number, number]; shape: number[] }>;
  data: Buffer;
} {
  const end = LENGTH_BYTES + Number(bytes.readBigUInt64LE(0));
  return {
    header: JSON.parse(bytes.toString('utf8', LENGTH_BYTES, end)) as ReturnType<typeof parts>['header'],
    data: bytes.subarray(end),
  };
}

const headerBytes = (bytes: Buffer): string => String(bytes.readBigUInt64LE(0));

/** The reason is the JavaScript engine's. */
const headerNotJson = (file: string): Sentence => ({
  begins: printed('safetensors-header-not-json', { file, reason: '' }).slice(0, -1),
});

/** The last tensor in the file. */
const WTE = 'transformer.wte.weight';
const DAMAGES: Readonly<
  Record<
    string,
    readonly [
      change: (bytes: Buffer) => Uint8Array,
      sentence: (folder: string, file: string, damaged: Buffer) => Sentence,
    ]
  >
> = {
  'that is cut in its data': [
    (bytes) => bytes.subarray(0, bytes.length - 100),
    (_, file, { length: bytes }) =>
      printed('safetensors-tensor-truncated', { file, tensor: WTE, end: bytes + 100, bytes }),
  ],
  'that is cut in its header': [
    (bytes) => bytes.subarray(0, 50),
    (_, file, damaged) =>
      printed('safetensors-header-truncated', { file, headerBytes: headerBytes(damaged), bytes: 50 }),
  ],
  'of no bytes': [() => Buffer.alloc(0), (_, file) => printed('safetensors-too-short', { file, bytes: 0 })],
  'with one byte too many': [
    (bytes) => Buffer.concat([bytes, Buffer.of(0)]),
    (_, file) => printed('safetensors-gap', { file, bytes: 1, after: WTE, before: undefined }),
  ],
  'with its header length in the other byte order': [
    (bytes) =>
      Buffer.concat([Buffer.from(bytes.subarray(0, LENGTH_BYTES)).reverse(), bytes.subarray(LENGTH_BYTES)]),
    (_, file, damaged) => printed('safetensors-header-too-long', { file, headerBytes: headerBytes(damaged) }),
  ],
  'with a header length that is too short': [
    (bytes) => {
      bytes.writeBigUInt64LE(bytes.readBigUInt64LE(0) - 16n);
      return bytes;
    },
    (_, file) => headerNotJson(file),
  ],
  'with garbage in its header': [
    (bytes) => bytes.fill(0x7b, LENGTH_BYTES, LENGTH_BYTES + 40),
    (_, file) => headerNotJson(file),
  ],
  'with offsets beyond its end': [
    (bytes) => {
      const { header, data } = parts(bytes);
      header[WTE].data_offsets[1] += 4096;
      return safetensorsBytes(header, data);
    },
    (_, file, { length: bytes }) =>
      printed('safetensors-tensor-truncated', { file, tensor: WTE, end: bytes + 4096, bytes }),
  ],
  'with offsets that do not fit the shape': [
    (bytes) => {
      const { header, data } = parts(bytes);
      header[WTE].shape[0] -= 1;
      return safetensorsBytes(header, data);
    },
    (_, file) =>
      printed('safetensors-tensor-size', {
        file,
        tensor: WTE,
        dtype: 'F32',
        shape: [8191, 16],
        found: 8192 * 16 * 4,
        expected: 8191 * 16 * 4,
      }),
  ],
  'without one of its tensors': [
    (bytes) => {
      const { header, data } = parts(bytes);
      const { 'transformer.ln_f.bias': bias, ...others } = header;
      return safetensorsBytes({ ...others, 'transformer.ln_g.bias': bias }, data);
    },
    (folder) => printed('weights-incomplete', { folder, missing: ['transformer.ln_f.bias'] }),
  ],
};

describe('attune train --model', () => {
  for (const [i, [what, [change, sentence]]] of Object.entries(DAMAGES).entries()) {
    it(`refuses a safetensors file ${what}`, async () => {
      const name = `damaged-${i}`;
      cpSync(join(cwd, 'model'), join(cwd, name), { recursive: true });
      const file = join(cwd, name, 'model.safetensors');
      const damaged = Buffer.from(change(readFileSync(file)));
      writeFileSync(file, damaged);
      await refusesToTrain(
        ['--dataset', 'data', '--model', name],
        sentence(name, join(name, 'model.safetensors'), damaged),
      );
    });
  }

  it('refuses NaN in the weights, and keeps the run that it was to replace', async () => {
    cpSync(join(cwd, 'model'), join(cwd, 'nan'), { recursive: true });
    const file = join(cwd, 'nan', 'model.safetensors');
    const bytes = readFileSync(file);
    const { header, data } = parts(bytes);
    const [begin] = header['transformer.h.0.mlp.c_fc.weight'].data_offsets;
    data.writeFloatLE(NaN, begin + 4 * 65);
    writeFileSync(file, bytes);
    const used = join(cwd, 'used');
    mkdirSync(join(used, 'checkpoint-3'), { recursive: true });
    for (const name of ['trainer_state.json', 'checkpoint-3/config.json', 'model.safetensors'])
      writeFileSync(join(used, name), '{}');
    const untouched = contentsOf(used);
    assertRefused(
      await attune(
        ['train', '--model', 'nan', '--dataset', 'data', '--output-dir', 'used', '--overwrite-output-dir'],
        { cwd },
      ),
      printed('weights-not-finite', {
        file: join('nan', 'model.safetensors'),
        tensor: 'transformer.h.0.mlp.c_fc.weight',
        value: 'NaN',
        index: [1, 1],
      }),
    );
    assert.deepEqual(contentsOf(used), untouched);
  });
});

describe('attune train --resume-from-checkpoint', () => {
  const LINE = [
    'train',
    '--model',
    'model',
    '--max-steps',
    '2',
    '--save-steps',
    '1',
    '--per-device-train-batch-size',
    '4',
  ];
  const RESUME = [...LINE, '--output-dir', 'run', '--resume-from-checkpoint', '--max-steps', '4'];
  let untouched: ReturnType<typeof contentsOf>;
  before(async () => {
    const { code, stderr } = await attune([...LINE, '--dataset', 'data', '--output-dir', 'run'], { cwd });
    assert.equal(code, 0, stderr);
    untouched = contentsOf(join(cwd, 'run'));
    writeFileSync(join(cwd, 'few.jsonl'), toJsonl(ROWS.slice(0, 6)));
  });

  it('refuses fewer training rows, even with --allow-changed-data', async () => {
    const few = await attune([...RESUME, '--dataset', 'few.jsonl'], { cwd });
    const checkpoint = join('run', 'checkpoint-2');
    assertRefused(few, printed('resume-data-changed', { checkpoint, rows: 'training' }), 2);
    assertRefused(
      await attune([...RESUME, '--dataset', 'few.jsonl', '--allow-changed-data'], { cwd }),
      printed('checkpoint-of-other-run', { dir: checkpoint, field: 'rows', then: 12, now: 6 }),
    );
    assert.deepEqual(contentsOf(join(cwd, 'run')), untouched);
  });

  it('refuses another seed', async () => {
    const dir = join('run', 'checkpoint-2');
    assertRefused(
      await attune([...RESUME, '--dataset', 'data', '--seed', '7'], { cwd }),
      printed('checkpoint-of-other-run', { dir, field: 'seed', then: 42, now: 7 }),
    );
    assert.deepEqual(contentsOf(join(cwd, 'run')), untouched);
  });

  for (const [name, contents] of [
    ['optimizer.safetensors', 'broken'],
    ['attune_state.json', '{"seed": 42}'],
    ['trainer_state.json', '{\n "epoch": 1,\n'],
  ]) {
    it(`refuses a checkpoint whose ${name} is damaged`, async () => {
      const file = join(cwd, 'run', 'checkpoint-1', name);
      const sound = readFileSync(file);
      writeFileSync(file, contents);
      const elsewhere = ['--output-dir', 'elsewhere', '--resume-from-checkpoint', 'run/checkpoint-1'];
      assertRefused(
        await attune([...LINE, '--dataset', 'data', ...elsewhere], { cwd }),
        printed('checkpoint-file-size', {
          file: join('run', 'checkpoint-1', name),
          found: contents.length,
          expected: sound.length,
        }),
      );
      assert.ok(!existsSync(join(cwd, 'elsewhere')), 'an output folder was left');
      writeFileSync(file, sound);
    });
  }
});

describe('attune train --dataset', () => {
  const FILES: readonly (readonly [
    what: string,
    file: string,
    contents: string | Uint8Array,
    sentence: string,
  ])[] = [
    [
      'text that is not UTF-8',
      'latin1.csv',
      Buffer.from('text,label\ncaf\u00e9,1\nbad,0\n', 'latin1'),
      printed('data-file-not-utf8', { file: 'latin1.csv', line: 2 }),
    ],
    [
      'a line that is an array',
      'array.jsonl',
      '{"text": "a", "label": 0}\n[1]\n',
      printed('record-not-object', { file: 'array.jsonl', line: 2, found: [1] }),
    ],
    [
      'a row with more fields than the header',
      'fields.csv',
      'text,label\ngood,1\nso, so,0\n',
      printed('csv-row-width', { file: 'fields.csv', line: 3, delimiter: ',', found: 3, expected: 2 }),
    ],
    [
      'a quote that is never closed',
      'never.csv',
      'text,label\ngood,1\n"bad,0\nworse,0\n',
      printed('csv-quote-unclosed', { file: 'never.csv', line: 3, delimiter: ',' }),
    ],
    [
      'labels that are numbers and names',
      'mixed.csv',
      'text,label\ngood,1\nbad,no\n',
      printed('labels-mixed', {
        file: 'mixed.csv',
        line: 3,
        label: 'no',
        other: { file: 'mixed.csv', line: 2, label: 1 },
      }),
    ],
    [
      'a negative label',
      'negative.csv',
      'text,label\ngood,1\nbad,-1\n',
      printed('label-negative', { file: 'negative.csv', line: 3, column: 'label', label: '-1' }),
    ],
    [
      'a header without rows',
      'header.csv',
      'text,label\n',
      printed('data-file-empty', { file: 'header.csv' }),
    ],
    [
      'a file of another format',
      'rows.xlsx',
      'PK',
      printed('data-file-kind', { file: 'rows.xlsx', readable: [] }),
    ],
    [
      'a parquet file that is cut',
      'rows.parquet',
      'PAR1',
      printed('parquet-damaged', { file: 'rows.parquet', reason: 'it is too short' }),
    ],
  ];
  for (const [what, file, contents, sentence] of FILES) {
    it(`refuses ${what}`, async () => {
      writeFileSync(join(cwd, file), contents);
      await refusesToTrain(['--dataset', file], sentence);
    });
  }

  it('refuses --train-rows that take a single class because the rows are sorted', async () => {
    writeFileSync(join(cwd, 'sorted.jsonl'), toJsonl([...ROWS].sort((a, b) => a.label - b.label)));
    await refusesToTrain(
      ['--dataset', 'sorted.jsonl', '--train-rows', '4'],
      printed('labels-of-one-class', {
        source: 'sorted.jsonl',
        rows: 16,
        taken: 4,
        label: 0,
        name: 'bad',
      }),
    );
  });
});

describe('attune train --metric-for-best-model', () => {
  it('refuses an unknown metric with a suggestion', async () => {
    const result = await attune(
      [
        'train',
        '--model',
        'model',
        '--dataset',
        'data',
        '--output-dir',
        'out',
        '--eval-strategy',
        'epoch',
        '--metric-for-best-model',
        'acuracy',
      ],
      { cwd },
    );
    const known = ['loss', 'accuracy', 'f1', 'auc'];
    assertRefused(result, printed('metric-for-best-model-unknown', { given: 'acuracy', known }), 2);
  });
});
