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
import { safetensorsBytes } from '../../support/safetensors.js';
import { modelAndData } from '../../support/workspace.js';

const cwd = modelAndData();

/** One error with all of these words, no stack, nothing on stdout. */
function assertRefused(
  { code, stdout, stderr }: CliResult,
  words: readonly (string | RegExp)[],
  expected = 1,
): void {
  assert.equal(code, expected, stderr);
  assert.equal(stdout, '');
  assert.ok(stderr.startsWith('error: '), stderr);
  assert.equal(stderr.match(/^error: /gm)?.length, 1, stderr);
  assert.doesNotMatch(stderr, /^\s+at .*:\d+:\d+\)?$|defect of attune/m);
  for (const word of words)
    assert.ok(
      typeof word === 'string' ? stderr.includes(word) : word.test(stderr),
      `${String(word)} is not in ${stderr}`,
    );
}

async function refusesToTrain(
  words: readonly string[],
  message: readonly (string | RegExp)[],
): Promise<void> {
  assertRefused(
    await attune(['train', '--model', 'model', '--output-dir', 'out', ...words], { cwd }),
    message,
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

const WTE = 'transformer.wte.weight';
const DAMAGES: Readonly<
  Record<string, readonly [change: (bytes: Buffer) => Uint8Array, ...message: (string | RegExp)[]]>
> = {
  'that is cut in its data': [
    (bytes) => bytes.subarray(0, bytes.length - 100),
    'tensor transformer.wte.weight ends at byte',
    'truncated',
  ],
  'that is cut in its header': [(bytes) => bytes.subarray(0, 50), 'its header would have', 'truncated'],
  'of no bytes': [() => new Uint8Array(0), '0 bytes'],
  'with one byte too many': [
    (bytes) => Buffer.concat([bytes, Buffer.of(0)]),
    '1 bytes after',
    'belong to no tensor',
  ],
  'with its header length in the other byte order': [
    (bytes) =>
      Buffer.concat([Buffer.from(bytes.subarray(0, LENGTH_BYTES)).reverse(), bytes.subarray(LENGTH_BYTES)]),
    'its header would have',
  ],
  'with a header length that is too short': [
    (bytes) => {
      bytes.writeBigUInt64LE(bytes.readBigUInt64LE(0) - 16n);
      return bytes;
    },
    'its header is not JSON',
  ],
  'with garbage in its header': [
    (bytes) => bytes.fill(0x7b, LENGTH_BYTES, LENGTH_BYTES + 40),
    'its header is not JSON',
  ],
  'with offsets beyond its end': [
    (bytes) => {
      const { header, data } = parts(bytes);
      header[WTE].data_offsets[1] += 4096;
      return safetensorsBytes(header, data);
    },
    'tensor transformer.wte.weight',
    'ends at byte',
  ],
  'with offsets that do not fit the shape': [
    (bytes) => {
      const { header, data } = parts(bytes);
      header[WTE].shape[0] -= 1;
      return safetensorsBytes(header, data);
    },
    /tensor transformer\.wte\.weight has \d+ bytes, but F32 \[8191, 16\] needs \d+/,
  ],
  'without one of its tensors': [
    (bytes) => {
      const { header, data } = parts(bytes);
      const { 'transformer.ln_f.bias': bias, ...others } = header;
      return safetensorsBytes({ ...others, 'transformer.ln_g.bias': bias }, data);
    },
    'lack transformer.ln_f.bias',
  ],
};

describe('attune train --model', () => {
  for (const [i, [what, [change, ...message]]] of Object.entries(DAMAGES).entries()) {
    it(`refuses a safetensors file ${what}`, async () => {
      const name = `damaged-${i}`;
      cpSync(join(cwd, 'model'), join(cwd, name), { recursive: true });
      const file = join(cwd, name, 'model.safetensors');
      writeFileSync(file, change(readFileSync(file)));
      await refusesToTrain(['--dataset', 'data', '--model', name], [name, ...message]);
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
      ['nan', 'tensor transformer.h.0.mlp.c_fc.weight is NaN at [1, 1]'],
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
    assert.equal(few.code, 2, few.stderr);
    assert.match(few.stderr, /the training rows are not those of the run that run.checkpoint-2 is of/);
    assertRefused(await attune([...RESUME, '--dataset', 'few.jsonl', '--allow-changed-data'], { cwd }), [
      'checkpoint-2',
      'training rows 12',
      'this one has 6',
    ]);
    assert.deepEqual(contentsOf(join(cwd, 'run')), untouched);
  });

  it('refuses another seed', async () => {
    assertRefused(await attune([...RESUME, '--dataset', 'data', '--seed', '7'], { cwd }), [
      'checkpoint-2',
      'seed 42',
      'this one has 7',
    ]);
    assert.deepEqual(contentsOf(join(cwd, 'run')), untouched);
  });

  for (const [name, contents, ...message] of [
    ['optimizer.safetensors', 'broken', 'optimizer.safetensors is damaged'],
    ['attune_state.json', '{"seed": 42}', 'attune_state.json is damaged'],
    [
      'trainer_state.json',
      '{\n "epoch": 1,\n',
      'trainer_state.json is damaged',
      'Resume from another checkpoint',
    ],
  ]) {
    it(`refuses a checkpoint whose ${name} is damaged`, async () => {
      const file = join(cwd, 'run', 'checkpoint-1', name);
      const sound = readFileSync(file);
      writeFileSync(file, contents);
      const elsewhere = ['--output-dir', 'elsewhere', '--resume-from-checkpoint', 'run/checkpoint-1'];
      assertRefused(await attune([...LINE, '--dataset', 'data', ...elsewhere], { cwd }), message);
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
    ...message: (string | RegExp)[],
  ])[] = [
    [
      'text that is not UTF-8',
      'latin1.csv',
      Buffer.from('text,label\ncaf\u00e9,1\nbad,0\n', 'latin1'),
      'latin1.csv:2',
      'UTF-8',
    ],
    [
      'a line that is an array',
      'array.jsonl',
      '{"text": "a", "label": 0}\n[1]\n',
      'array.jsonl:2',
      '[1], not an object',
    ],
    [
      'a row with more fields than the header',
      'fields.csv',
      'text,label\ngood,1\nso, so,0\n',
      'fields.csv:3',
      '3 fields',
      'the header has 2',
    ],
    [
      'a quote that is never closed',
      'never.csv',
      'text,label\ngood,1\n"bad,0\nworse,0\n',
      'never.csv:3',
      'never closed',
    ],
    [
      'labels that are numbers and names',
      'mixed.csv',
      'text,label\ngood,1\nbad,no\n',
      'mixed.csv:3',
      '"no" is a name',
    ],
    ['a negative label', 'negative.csv', 'text,label\ngood,1\nbad,-1\n', 'negative.csv:3', 'negative'],
    ['a header without rows', 'header.csv', 'text,label\n', 'header.csv', 'no rows'],
    ['a file of another format', 'rows.xlsx', 'PK', 'rows.xlsx', 'does not read', '.jsonl'],
    ['a parquet file that is cut', 'rows.parquet', 'PAR1', 'rows.parquet', 'not a sound parquet file'],
  ];
  for (const [what, file, contents, ...message] of FILES) {
    it(`refuses ${what}`, async () => {
      writeFileSync(join(cwd, file), contents);
      await refusesToTrain(['--dataset', file], message);
    });
  }

  it('refuses --train-rows that take a single class because the rows are sorted', async () => {
    writeFileSync(join(cwd, 'sorted.jsonl'), toJsonl([...ROWS].sort((a, b) => a.label - b.label)));
    await refusesToTrain(
      ['--dataset', 'sorted.jsonl', '--train-rows', '4'],
      ['sorted.jsonl', 'first 4 of its 16 rows', 'shuffle'],
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
    assertRefused(result, ['--metric-for-best-model', 'acuracy', 'Did you mean accuracy?'], 2);
  });
});
