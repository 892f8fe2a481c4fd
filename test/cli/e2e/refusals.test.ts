/** Bad input is refused before any work, with one error that says where, no stack, and no file left behind. */
import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  realpathSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { attune, NO_HUB, readJson, ROWS, toJsonl, writeData, writeTinyModel } from '../../support/cli.js';
import { printed, printedWithHint } from '../../support/refusal.js';
import { safetensorsBytes } from '../../support/safetensors.js';
import { workspace } from '../../support/workspace.js';

const cwd = workspace(async (cwd) => {
  await writeTinyModel(join(cwd, 'model'));
  await writeTinyModel(join(cwd, 'two-labels'), { num_labels: 2 }, true);
  writeData(join(cwd, 'data'));
});

/** Expects exit status `code`, one error with what is expected of it, and no output. */
async function assertRefused(args: readonly string[], code: 1 | 2, expected: string): Promise<void> {
  const result = await attune(args, { cwd });
  assert.equal(result.code, code, `${args.join(' ')}\n${result.stderr}`);
  assert.ok(result.stderr.includes(`${expected}\n`), `${result.stderr}\nexpected:\n${expected}`);
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

/** A case: what is refused, and what is printed of the error. */
type Case<T> = readonly [what: string, given: T, expected: string];

const rows = (...more: object[]): string =>
  toJsonl([...ROWS.map(({ text, label }) => ({ text, label })), ...more]);

describe('attune train --dataset', () => {
  const FILES: readonly Case<readonly [name: string, contents: string]>[] = [
    [
      'a line that is not JSON',
      ['broken.jsonl', `${rows()}{"text": "x", "label"}\n`],
      printed('jsonl-broken', {
        file: 'broken.jsonl',
        line: 17,
        column: 22,
        reason: 'expected ":" after the property name, found "}"',
      }),
    ],
    [
      'a quote that is never closed',
      ['quote.csv', 'text,label\na,0\n"b,1\n'],
      printed('csv-quote-unclosed', { file: 'quote.csv', line: 3, delimiter: ',' }),
    ],
    [
      'a file without a text column, with a suggestion',
      ['column.csv', 'txt,label,id\na,0,1\nb,1,2\n'],
      printed('column-missing', {
        file: 'column.csv',
        line: 1,
        column: 'text',
        columns: ['txt', 'label', 'id'],
      }),
    ],
    [
      'a label that is not an integer',
      ['label.jsonl', rows({ text: 'x', label: 1.5 })],
      printed('label-not-integer', { file: 'label.jsonl', line: 17, column: 'label', label: 1.5 }),
    ],
    [
      'a row without a label',
      ['missing.jsonl', rows({ text: 'x' })],
      printed('column-missing', { file: 'missing.jsonl', line: 17, column: 'label', columns: ['text'] }),
    ],
    [
      'a number in place of a text',
      ['number.jsonl', rows({ text: 5, label: 0 })],
      printed('text-not-string', { file: 'number.jsonl', line: 17, column: 'text', found: 5 }),
    ],
    [
      'labels that leave one out',
      ['gap.jsonl', rows({ text: 'x', label: 3 })],
      printed('labels-with-gaps', { file: 'gap.jsonl', line: 17, highest: 3, missing: [2], missingCount: 1 }),
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
      printed('labels-of-one-class', { source: 'one.jsonl', rows: 2, label: 0 }),
    ],
    ['an empty file', ['empty.jsonl', ''], printed('data-file-empty', { file: 'empty.jsonl' })],
  ];
  for (const [what, [name, contents], expected] of FILES) {
    it(`refuses ${what}`, async () => {
      writeFileSync(join(cwd, name), contents);
      await assertRefused(train('--dataset', name), 1, expected);
    });
  }

  it('refuses a path that does not exist', () =>
    assertRefused(
      train('--dataset', 'nowhere'),
      1,
      printed('dataset-not-found', { dataset: 'nowhere', readable: [] }),
    ));

  it('refuses evaluation rows with a label that no training row has', async () => {
    writeFileSync(
      join(cwd, 'eval.jsonl'),
      toJsonl([
        { text: 'a', label: 0 },
        { text: 'b', label: 7 },
      ]),
    );
    await assertRefused(
      train('--eval-dataset', 'eval.jsonl'),
      1,
      printed('label-out-of-range', {
        file: 'eval.jsonl',
        line: 2,
        label: 7,
        classes: 2,
        names: ['bad', 'good'],
      }),
    );
  });
});

/** What weights of one layer lack for a second one. */
const SECOND_LAYER = ['ln_1', 'attn.c_attn', 'attn.c_proj', 'ln_2', 'mlp.c_fc', 'mlp.c_proj'].flatMap(
  (part) => [`transformer.h.1.${part}.weight`, `transformer.h.1.${part}.bias`],
);

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
      printed('hub-name-not-here', {
        name: 'nowhere',
        path: join(realpathSync(cwd), 'nowhere'),
        error: {
          code: 'cache-repository-missing',
          facts: {
            type: 'model',
            repository: 'nowhere',
            folder: join(NO_HUB.HF_HOME, 'hub', 'models--nowhere'),
          },
        },
      }),
    ));

  const FIELDS: readonly Case<readonly [name: string, field: string, value: unknown]>[] = [
    [
      'an activation function that is not supported',
      ['activation', 'activation_function', 'relu'],
      printed('config-activation-unsupported', {
        file: join('activation', 'config.json'),
        value: 'relu',
        known: ['gelu_new', 'gelu_pytorch_tanh', 'gelu_python_tanh'],
      }),
    ],
    [
      'cross-attention',
      ['cross', 'add_cross_attention', true],
      printed('config-cross-attention', { file: join('cross', 'config.json') }),
    ],
    [
      'a model of another type',
      ['bert', 'model_type', 'bert'],
      printed('config-not-gpt2', { file: join('bert', 'config.json'), modelType: 'bert' }),
    ],
    [
      'a tokenizer with more tokens than the embedding',
      ['small', 'vocab_size', 8000],
      printed('model-vocabulary-exceeds-embedding', { folder: 'small', tokens: 8192, rows: 8000 }),
    ],
    [
      'weights that lack a layer',
      ['deeper', 'n_layer', 2],
      printed('weights-incomplete', { folder: 'deeper', missing: SECOND_LAYER }),
    ],
  ];
  for (const [what, [name, field, value], expected] of FIELDS) {
    it(`refuses ${what}`, async () => {
      await changedModel(name, (dir) => {
        const file = join(dir, 'config.json');
        writeFileSync(file, JSON.stringify({ ...readJson(file), [field]: value }));
      });
      await assertRefused(train('--model', name), 1, expected);
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
      printed('weights-label-count', {
        file: join('two-labels', 'model.safetensors'),
        tensor: 'score.weight',
        found: [2, 16],
        expected: [3, 16],
      }),
    );
  });

  const WEIGHTS: readonly Case<readonly [name: string, damage: (file: string) => void]>[] = [
    [
      'weights that are cut',
      ['cut', (file) => truncateSync(file, 5000)],
      printed('safetensors-tensor-truncated', {
        file: join('cut', 'model.safetensors'),
        tensor: 'transformer.h.0.attn.c_proj.weight',
        end: 5816,
        bytes: 5000,
      }),
    ],
    [
      'weights of four bytes',
      ['nothing', (file) => truncateSync(file, 4)],
      printed('safetensors-too-short', { file: join('nothing', 'model.safetensors'), bytes: 4 }),
    ],
    [
      'weights with a header that is not JSON',
      ['garbage', (file) => writeFileSync(file, safetensorsBytes('{"a": [}'))],
      printed('safetensors-header-not-json', {
        file: join('garbage', 'model.safetensors'),
        reason: `Unexpected token '}', "{"a": [}" is not valid JSON`,
      }),
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
      printed('safetensors-header-too-long', {
        file: join('length', 'model.safetensors'),
        headerBytes: String(2n ** 60n),
      }),
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
      printed('weights-not-finite', {
        file: join('nan', 'model.safetensors'),
        tensor: 'transformer.wte.weight',
        value: 'NaN',
        index: [8191, 15],
      }),
    ],
  ];
  for (const [what, [name, damage], expected] of WEIGHTS) {
    it(`refuses ${what}`, async () => {
      await changedModel(name, (dir) => damage(join(dir, 'model.safetensors')));
      await assertRefused(train('--model', name), 1, expected);
    });
  }
});

describe('attune train', () => {
  const OPTIONS: readonly Case<readonly string[]>[] = [
    ['a missing --dataset', ['train', '--output-dir', 'out'], printed('dataset-missing', {})],
    [
      'an unknown option, with a suggestion',
      train('--leaning-rate', '1e-3'),
      printedWithHint('option-unknown', {
        option: '--leaning-rate',
        known: ['--learning-rate'],
        within: 'attune train',
      }),
    ],
    [
      'a word in place of a number',
      train('--learning-rate', 'fast'),
      printed('argument-invalid', {
        argument: 'learningRate',
        accepts: { kind: 'number', min: 0 },
        given: 'fast',
      }),
    ],
    [
      'a number that is out of range',
      train('--num-train-epochs', '0'),
      printed('argument-invalid', {
        argument: 'numTrainEpochs',
        accepts: { kind: 'number', above: 0 },
        given: 0,
      }),
    ],
    [
      'a maximum length beyond the positions of the model',
      train('--max-length', '65'),
      printed('max-length-exceeds-positions', { given: 65, limit: 64 }),
    ],
    [
      'a best model without evaluations',
      train('--preset', 'transformers', '--load-best-model-at-end'),
      printed('best-model-needs-evaluations', {}),
    ],
    [
      'evaluations without evaluation rows',
      train('--dataset', 'data/train.jsonl', '--eval-strategy', 'epoch'),
      printed('evaluation-without-rows', { evalStrategy: 'epoch' }),
    ],
    [
      'an unknown device',
      train('--device', 'cuda'),
      printed('argument-invalid', {
        argument: 'device',
        accepts: { kind: 'enum', choices: ['auto', 'cpu', 'webgpu', 'webgpu-matrix-units'] },
        given: 'cuda',
      }),
    ],
  ];
  for (const [what, words, expected] of OPTIONS)
    it(`refuses ${what}`, () => assertRefused(words, 2, expected));

  it('reports the step and the last good checkpoint if training diverges', async () => {
    const result = await attune(
      train(
        '--output-dir',
        'wild',
        ...'--learning-rate 1e30 --warmup-steps 3 --max-grad-norm 0 --save-steps 1 --max-steps 9'.split(' '),
      ),
      { cwd },
    );
    assert.equal(result.code, 1, result.stderr);
    const kept = readdirSync(join(cwd, 'wild'))
      .filter((name) => name.startsWith('checkpoint-'))
      .sort()
      .at(-1)!;
    assert.ok(existsSync(join(cwd, 'wild', kept, 'model.safetensors')), kept);
    const expected = printedWithHint('training-diverged', {
      step: Number(kept.split('-')[1]) + 1,
      what: 'loss',
      values: ['NaN'],
      checkpoint: join('wild', kept),
    });
    assert.ok(result.stderr.includes(expected), result.stderr);
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
      printed('model-head-missing', { folder: 'model', tensor: 'score.weight' }),
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
    assertRefused(['predict', '--text', 'a'], 2, printed('model-missing', {})));
});

describe('attune train --config', () => {
  const CONFIGS: readonly Case<string>[] = [
    [
      'an unknown key, with a suggestion',
      '{"learning_rate": 1e-3,\n  "seeds": 1}',
      printedWithHint('argument-unknown', { argument: 'seeds', file: 'run.json', known: ['seed'] }),
    ],
    [
      'a value of another type',
      '{"seed": "1"}',
      printed('argument-invalid', {
        argument: 'seed',
        file: 'run.json',
        accepts: { kind: 'integer', min: 0, max: 2 ** 32 - 1 },
        given: '1',
      }),
    ],
    [
      'a file that is not JSON',
      '{"seed": 1,\n  oops}',
      printed('config-file-syntax', {
        file: 'run.json',
        line: 2,
        column: 3,
        reason: 'expected a property name in double quotes, found "o"',
      }),
    ],
  ];
  for (const [what, contents, expected] of CONFIGS) {
    it(`refuses ${what}`, async () => {
      writeFileSync(join(cwd, 'run.json'), contents);
      await assertRefused(train('--config', 'run.json'), 2, expected);
    });
  }

  it('refuses a file that does not exist', () =>
    assertRefused(
      train('--config', 'nowhere.json'),
      2,
      printed('config-file-unreadable', {
        file: 'nowhere.json',
        reason: "ENOENT: no such file or directory, open 'nowhere.json'",
      }),
    ));
});

describe('attune train --output-dir', () => {
  const used = join(cwd, 'used');

  it('refuses a file, and leaves it as it was', async () => {
    writeFileSync(join(cwd, 'a-file'), 'mine');
    await assertRefused(train('--output-dir', 'a-file'), 1, printed('output-dir-is-file', { dir: 'a-file' }));
    assert.equal(readFileSync(join(cwd, 'a-file'), 'utf8'), 'mine');
  });

  it('refuses a folder that holds a run, and names the options that allow it', async () => {
    const first = await attune(train('--output-dir', 'used', '--max-steps', '1'), { cwd });
    assert.equal(first.code, 0, first.stderr);
    writeFileSync(join(used, 'my-notes.txt'), 'mine');
    await assertRefused(
      train('--output-dir', 'used'),
      2,
      printedWithHint('output-dir-holds-run', {
        dir: 'used',
        made: ['attune_model.json', 'attune_rows.json', 'checkpoint-1', '…'],
        resumable: true,
      }),
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
      printed('checkpoint-not-found', { dir: 'empty' }),
    ));
});
