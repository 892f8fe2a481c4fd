/** Bad input is refused before any work, with one error that says where, no stack, and no file left behind. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { attune, readJson, ROWS, toJsonl, writeData, writeTinyModel } from '../../support/cli.js';
import { printed } from '../../support/refusal.js';
import { safetensorsBytes } from '../../support/safetensors.js';
import { workspace } from '../../support/workspace.js';

const cwd = workspace(async (cwd) => {
  await writeTinyModel(join(cwd, 'model'));
  await writeTinyModel(join(cwd, 'two-labels'), { num_labels: 2 }, true);
  writeData(join(cwd, 'data'));
});

/** What the error has to hold: words, or a pattern that it matches. */
type Expected = string | RegExp;

/** Expects exit status `code`, one error that holds everything expected, and no output. */
async function assertRefused(args: readonly string[], code: 1 | 2, ...all: Expected[]): Promise<void> {
  const result = await attune(args, { cwd });
  assert.equal(result.code, code, `${args.join(' ')}\n${result.stderr}`);
  for (const expected of all) {
    if (typeof expected === 'string') assert.ok(result.stderr.includes(expected), result.stderr);
    else assert.match(result.stderr, expected);
  }
  assert.equal(result.stderr.match(/^error:/gm)?.length, 1, result.stderr);
  assert.doesNotMatch(result.stderr, /^\s+at /m);
  assert.doesNotMatch(result.stderr, /defect of attune/);
  assert.equal(result.stdout, '');
  assert.ok(!existsSync(join(cwd, 'out')), 'an output folder was left');
}

const train = (...args: string[]): string[] => [
  'train',
  '--output-dir',
  'out',
  ...(args.includes('--model') ? [] : ['--model', 'model']),
  ...(args.includes('--dataset') ? [] : ['--dataset', 'data']),
  ...args,
];

/** A case: what is refused, and what the error has to hold. */
type Case<T> = readonly [what: string, given: T, ...expected: Expected[]];

const rows = (...more: object[]): string =>
  toJsonl([...ROWS.map(({ text, label }) => ({ text, label })), ...more]);

describe('attune train --dataset', () => {
  const FILES: readonly Case<readonly [name: string, contents: string]>[] = [
    [
      'a line that is not JSON',
      ['broken.jsonl', `${rows()}{"text": "x", "label"}\n`],
      /broken\.jsonl:17: broken JSON at column \d+/,
    ],
    ['a quote that is never closed', ['quote.csv', 'text,label\na,0\n"b,1\n'], /quote\.csv:\d+/],
    [
      'a file without a text column, with a suggestion',
      ['column.csv', 'txt,label,id\na,0,1\nb,1,2\n'],
      /column\.csv:1: has no column "text"; did you mean "txt"/,
    ],
    [
      'a label that is not an integer',
      ['label.jsonl', rows({ text: 'x', label: 1.5 })],
      /label\.jsonl:17: column "label": the label 1\.5 is not an integer/,
    ],
    [
      'a row without a label',
      ['missing.jsonl', rows({ text: 'x' })],
      /missing\.jsonl:17: has no column "label"/,
    ],
    [
      'a number in place of a text',
      ['number.jsonl', rows({ text: 5, label: 0 })],
      /number\.jsonl:17: column "text" is 5, not a text/,
    ],
    [
      'labels that leave one out',
      ['gap.jsonl', rows({ text: 'x', label: 3 })],
      /gap\.jsonl:17: the highest label is 3, but no row has label 2/,
    ],
    [
      'rows of a single class',
      [
        'one.jsonl',
        toJsonl([
          { text: 'a', label: 0 },
          { text: 'b', label: 0 },
        ]),
      ],
      /one\.jsonl: all 2 rows have the label 0/,
    ],
    ['an empty file', ['empty.jsonl', ''], /empty\.jsonl: holds no rows/],
  ];
  for (const [what, [name, contents], ...patterns] of FILES) {
    it(`refuses ${what}`, async () => {
      writeFileSync(join(cwd, name), contents);
      await assertRefused(train('--dataset', name), 1, ...patterns);
    });
  }

  it('refuses a path that does not exist', () =>
    assertRefused(train('--dataset', 'nowhere'), 1, /nowhere: no such file or folder/));

  it('refuses evaluation rows with a label that no training row has', async () => {
    writeFileSync(
      join(cwd, 'eval.jsonl'),
      toJsonl([
        { text: 'a', label: 0 },
        { text: 'b', label: 7 },
      ]),
    );
    await assertRefused(train('--eval-dataset', 'eval.jsonl'), 1, /eval\.jsonl:2: unknown label 7/);
  });
});

/** Makes a copy of the model under another name, changed. */
async function changedModel(name: string, change: (dir: string) => void | Promise<void>): Promise<void> {
  const dir = join(cwd, name);
  cpSync(join(cwd, 'model'), dir, { recursive: true });
  await change(dir);
}

describe('attune train --model', () => {
  it('refuses a folder that does not exist, and is not in the cache of the Hub', () =>
    assertRefused(
      train('--model', 'nowhere'),
      1,
      /nowhere: there is no file or folder .*nowhere, and the model nowhere is not in the cache/,
    ));

  const FIELDS: readonly Case<readonly [name: string, field: string, value: unknown]>[] = [
    [
      'an activation function that is not supported',
      ['activation', 'activation_function', 'relu'],
      /config\.json.*activation_function.*relu/,
    ],
    ['cross-attention', ['cross', 'add_cross_attention', true], /add_cross_attention/],
    ['a model of another type', ['bert', 'model_type', 'bert'], /model_type.*bert/],
    [
      'a tokenizer with more tokens than the embedding',
      ['small', 'vocab_size', 8000],
      /8192 tokens.*embedding has only 8000 rows/,
    ],
    ['weights that lack a layer', ['deeper', 'n_layer', 2], /lack transformer\.h\.1\.ln_1\.weight/],
  ];
  for (const [what, [name, field, value], ...patterns] of FIELDS) {
    it(`refuses ${what}`, async () => {
      await changedModel(name, (dir) => {
        const file = join(dir, 'config.json');
        writeFileSync(file, JSON.stringify({ ...readJson(file), [field]: value }));
      });
      await assertRefused(train('--model', name), 1, ...patterns);
    });
  }

  it('refuses a head with another number of labels than the data', async () => {
    writeFileSync(
      join(cwd, 'three.jsonl'),
      toJsonl([...ROWS, { text: 'neither', label: 2, label_text: 'so-so' }]),
    );
    await assertRefused(
      train('--model', 'two-labels', '--dataset', 'three.jsonl'),
      1,
      /score\.weight.*\[2, 16\].*\[3, 16\]/,
    );
  });

  const WEIGHTS: readonly Case<readonly [name: string, damage: (file: string) => void]>[] = [
    ['weights that are cut', ['cut', (file) => truncateSync(file, 5000)], /cut.model\.safetensors/],
    ['weights of four bytes', ['nothing', (file) => truncateSync(file, 4)], /nothing.model\.safetensors/],
    [
      'weights with a header that is not JSON',
      ['garbage', (file) => writeFileSync(file, safetensorsBytes('{"a": [}'))],
      /garbage.model\.safetensors/,
    ],
    [
      'weights with an absurd header length',
      [
        'length',
        (file) => {
          const bytes = readFileSync(file);
          bytes.writeBigUInt64LE(2n ** 60n);
          writeFileSync(file, bytes);
        },
      ],
      /length.model\.safetensors/,
    ],
    [
      'weights with a NaN',
      [
        'nan',
        (file) => {
          const bytes = readFileSync(file);
          bytes.fill(0xff, bytes.length - 4);
          writeFileSync(file, bytes);
        },
      ],
      /nan.model\.safetensors: tensor transformer\.wte\.weight is NaN at \[8191, 15\]/,
    ],
  ];
  for (const [what, [name, damage], ...patterns] of WEIGHTS) {
    it(`refuses ${what}`, async () => {
      await changedModel(name, (dir) => damage(join(dir, 'model.safetensors')));
      await assertRefused(train('--model', name), 1, ...patterns);
    });
  }
});

describe('attune train', () => {
  const OPTIONS: readonly Case<readonly string[]>[] = [
    ['a missing --dataset', ['train', '--output-dir', 'out'], /--dataset is missing/],
    [
      'an unknown option, with a suggestion',
      train('--leaning-rate', '1e-3'),
      printed('option-unknown', { option: '--leaning-rate', known: [], within: 'attune train' }),
      /Did you mean --learning-rate\?/,
    ],
    ['a word in place of a number', train('--learning-rate', 'fast'), /--learning-rate must be a number/],
    [
      'a number that is out of range',
      train('--num-train-epochs', '0'),
      /--num-train-epochs must be a number, above 0; got 0/,
    ],
    [
      'a maximum length beyond the positions of the model',
      train('--max-length', '65'),
      /maxLength is 65, but the model has only 64 positions/,
    ],
    [
      'a best model without evaluations',
      train('--preset', 'transformers', '--load-best-model-at-end'),
      /--load-best-model-at-end/,
    ],
    [
      'evaluations without evaluation rows',
      train('--dataset', 'data/train.jsonl', '--eval-strategy', 'epoch'),
      /no evaluation rows/,
    ],
    ['an unknown device', train('--device', 'cuda'), /--device must be one of auto, cpu/],
  ];
  for (const [what, words, ...patterns] of OPTIONS)
    it(`refuses ${what}`, () => assertRefused(words, 2, ...patterns));

  it('reports the step and the last good checkpoint if training diverges', async () => {
    const result = await attune(
      train(
        '--output-dir',
        'wild',
        '--learning-rate',
        '1e30',
        '--warmup-steps',
        '3',
        '--max-grad-norm',
        '0',
        '--save-steps',
        '1',
        '--max-steps',
        '9',
      ),
      { cwd },
    );
    assert.equal(result.code, 1, result.stderr);
    assert.match(result.stderr, /error: step \d+: the (loss|gradient)/);
    const [, kept] = /last good checkpoint is (\S+?)\. /.exec(result.stderr) ?? [];
    assert.ok(kept && existsSync(join(cwd, kept, 'model.safetensors')), result.stderr);
  });
});

describe('attune', () => {
  it('refuses an unknown command', () =>
    assertRefused(['fit'], 2, printed('command-unknown', { name: 'fit', known: [], within: 'attune' })));
});

describe('attune evaluate', () => {
  it('refuses a model without a classification head', () =>
    assertRefused(
      ['evaluate', '--model', 'model', '--dataset', 'data'],
      1,
      /no classification head \(score\.weight\)/,
    ));
});

describe('attune predict', () => {
  it('refuses --text together with --input', () =>
    assertRefused(
      ['predict', '--model', 'two-labels', '--text', 'a', '--input', 'b'],
      2,
      printed('prediction-input-ambiguous', {}),
    ));

  it('refuses to start without --text or --input', () =>
    assertRefused(['predict', '--model', 'two-labels'], 2, printed('prediction-input-missing', {})));

  it('refuses to start without --model', () =>
    assertRefused(['predict', '--text', 'a'], 2, /--model is missing/));
});

describe('attune train --config', () => {
  const CONFIGS: readonly Case<string>[] = [
    [
      'an unknown key, with a suggestion',
      '{"learning_rate": 1e-3,\n  "seeds": 1}',
      /run\.json: "seeds" is not an argument/,
      /Did you mean seed\?/,
    ],
    ['a value of another type', '{"seed": "1"}', /run\.json: "seed" must be a whole number/],
    ['a file that is not JSON', '{"seed": 1,\n  oops}', /run\.json:2:3/],
  ];
  for (const [what, contents, ...patterns] of CONFIGS) {
    it(`refuses ${what}`, async () => {
      writeFileSync(join(cwd, 'run.json'), contents);
      await assertRefused(train('--config', 'run.json'), 2, ...patterns);
    });
  }

  it('refuses a file that does not exist', () =>
    assertRefused(train('--config', 'nowhere.json'), 2, /nowhere\.json/));
});

describe('attune train --output-dir', () => {
  const used = join(cwd, 'used');

  it('refuses a file, and leaves it as it was', async () => {
    writeFileSync(join(cwd, 'a-file'), 'mine');
    await assertRefused(train('--output-dir', 'a-file'), 1, /a-file cannot be written/);
    assert.equal(readFileSync(join(cwd, 'a-file'), 'utf8'), 'mine');
  });

  it('refuses a folder that holds a run, and names the options that allow it', async () => {
    const first = await attune(train('--output-dir', 'used', '--max-steps', '1'), { cwd });
    assert.equal(first.code, 0, first.stderr);
    writeFileSync(join(used, 'my-notes.txt'), 'mine');
    await assertRefused(
      train('--output-dir', 'used'),
      2,
      /used already holds a run/,
      /--resume-from-checkpoint.*--overwrite-output-dir/s,
    );
  });

  it('replaces that run with --overwrite-output-dir, and keeps files of the user', async () => {
    const { code, stderr } = await attune(
      train('--output-dir', 'used', '--overwrite-output-dir', '--max-steps', '1'),
      { cwd },
    );
    assert.equal(code, 0, stderr);
    assert.equal(readFileSync(join(used, 'my-notes.txt'), 'utf8'), 'mine');
  });

  it('refuses to resume if the folder holds no checkpoint', () =>
    assertRefused(
      train('--output-dir', 'empty', '--resume-from-checkpoint'),
      1,
      /no checkpoint in empty to resume from/,
    ));
});
