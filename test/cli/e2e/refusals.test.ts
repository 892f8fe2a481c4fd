/**
 * Bad input: refused before any work, with one clear message that says where, no stack, nothing left behind.
 */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { attune, ROWS, toJsonl, writeData, writeTinyModel } from '../../support/cli.js';
import { safetensorsBytes } from '../../support/safetensors.js';
import { workspace } from '../../support/workspace.js';

const cwd = workspace(async (cwd) => {
  await writeTinyModel(join(cwd, 'model'));
  await writeTinyModel(join(cwd, 'two-labels'), { num_labels: 2 }, true);
  writeData(join(cwd, 'data'));
});

/** Expects exit status `code`, every pattern on stderr, and no trace of the run. */
async function refused(args: readonly string[], code: 1 | 2, ...patterns: RegExp[]): Promise<void> {
  const result = await attune(args, { cwd });
  assert.equal(result.code, code, `${args.join(' ')}\n${result.stderr}`);
  for (const pattern of patterns) assert.match(result.stderr, pattern);
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

function dataFile(name: string, contents: string): string[] {
  writeFileSync(join(cwd, name), contents);
  return ['--dataset', name];
}

const rows = (...more: object[]): string =>
  toJsonl([...ROWS.map(({ text, label }) => ({ text, label })), ...more]);

test('data', async () => {
  await refused(
    train(...dataFile('broken.jsonl', `${rows()}{"text": "x", "label"}\n`)),
    1,
    /broken\.jsonl:17: broken JSON at column \d+/,
  );
  await refused(train(...dataFile('quote.csv', 'text,label\na,0\n"b,1\n')), 1, /quote\.csv:\d+/);
  await refused(
    train(...dataFile('column.csv', 'txt,label,id\na,0,1\nb,1,2\n')),
    1,
    /column\.csv:1: has no column "text"; did you mean "txt"/,
  );
  await refused(
    train(...dataFile('label.jsonl', rows({ text: 'x', label: 1.5 }))),
    1,
    /label\.jsonl:17: column "label": the label 1\.5 is not an integer/,
  );
  await refused(
    train(...dataFile('missing.jsonl', rows({ text: 'x' }))),
    1,
    /missing\.jsonl:17: has no column "label"/,
  );
  await refused(
    train(...dataFile('number.jsonl', rows({ text: 5, label: 0 }))),
    1,
    /number\.jsonl:17: column "text" is 5, not a text/,
  );
  await refused(
    train(...dataFile('gap.jsonl', rows({ text: 'x', label: 3 }))),
    1,
    /gap\.jsonl:17: the highest label is 3, but no row has label 2/,
  );
  await refused(
    train(
      ...dataFile(
        'one.jsonl',
        toJsonl([
          { text: 'a', label: 0 },
          { text: 'b', label: 0 },
        ]),
      ),
    ),
    1,
    /one\.jsonl: all 2 rows have the label 0/,
  );
  await refused(train(...dataFile('empty.jsonl', '')), 1, /empty\.jsonl: holds no rows/);
  await refused(train('--dataset', 'nowhere'), 1, /nowhere: no such file or folder/);
  writeFileSync(
    join(cwd, 'eval.jsonl'),
    toJsonl([
      { text: 'a', label: 0 },
      { text: 'b', label: 7 },
    ]),
  );
  await refused(train('--eval-dataset', 'eval.jsonl'), 1, /eval\.jsonl:2: unknown label 7/);
});

async function model(name: string, change: (dir: string) => void | Promise<void>): Promise<string[]> {
  const dir = join(cwd, name);
  cpSync(join(cwd, 'model'), dir, { recursive: true });
  await change(dir);
  return ['--model', name];
}

const configField =
  (field: string, value: unknown) =>
  (dir: string): void => {
    const file = join(dir, 'config.json');
    writeFileSync(
      file,
      JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), [field]: value }),
    );
  };

test('models', async () => {
  await refused(
    train('--model', 'nowhere'),
    1,
    /nowhere: there is no file or folder .*nowhere, and the model nowhere is not in the cache/,
  );
  await refused(
    train(...(await model('activation', configField('activation_function', 'relu')))),
    1,
    /config\.json.*activation_function.*relu/,
  );
  await refused(
    train(...(await model('cross', configField('add_cross_attention', true)))),
    1,
    /add_cross_attention/,
  );
  await refused(train(...(await model('bert', configField('model_type', 'bert')))), 1, /model_type.*bert/);
  await refused(
    train(...(await model('small', configField('vocab_size', 8000)))),
    1,
    /8192 tokens.*embedding has only 8000 rows/,
  );
  await refused(
    train(...(await model('deeper', configField('n_layer', 2)))),
    1,
    /lack transformer\.h\.1\.ln_1\.weight/,
  );
  const three = toJsonl([...ROWS, { text: 'neither', label: 2, label_text: 'so-so' }]);
  await refused(
    train('--model', 'two-labels', ...dataFile('three.jsonl', three)),
    1,
    /score\.weight.*\[2, 16\].*\[3, 16\]/,
  );
  await refused(
    ['evaluate', '--model', 'model', '--dataset', 'data'],
    1,
    /no classification head \(score\.weight\)/,
  );
});

test('weight files', async () => {
  const weights = (dir: string): string => join(dir, 'model.safetensors');
  await refused(
    train(...(await model('cut', (dir) => truncateSync(weights(dir), 5000)))),
    1,
    /cut.model\.safetensors/,
  );
  await refused(
    train(...(await model('nothing', (dir) => truncateSync(weights(dir), 4)))),
    1,
    /nothing.model\.safetensors/,
  );
  await refused(
    train(...(await model('garbage', (dir) => writeFileSync(weights(dir), safetensorsBytes('{"a": [}'))))),
    1,
    /garbage.model\.safetensors/,
  );
  await refused(
    train(
      ...(await model('length', (dir) => {
        const bytes = readFileSync(weights(dir));
        bytes.writeBigUInt64LE(2n ** 60n);
        writeFileSync(weights(dir), bytes);
      })),
    ),
    1,
    /length.model\.safetensors/,
  );
  await refused(
    train(
      ...(await model('nan', (dir) => {
        const bytes = readFileSync(weights(dir));
        bytes.fill(0xff, bytes.length - 4);
        writeFileSync(weights(dir), bytes);
      })),
    ),
    1,
    /nan.model\.safetensors: tensor transformer\.wte\.weight is NaN at \[8191, 15\]/,
  );
});

test('options', async () => {
  await refused(['train', '--output-dir', 'out'], 2, /--dataset is missing/);
  await refused(
    train('--leaning-rate', '1e-3'),
    2,
    /unknown option --leaning-rate/,
    /Did you mean --learning-rate\?/,
  );
  await refused(train('--learning-rate', 'fast'), 2, /--learning-rate must be a number/);
  await refused(train('--num-train-epochs', '0'), 2, /--num-train-epochs must be a number, above 0; got 0/);
  await refused(train('--max-length', '65'), 2, /maxLength is 65, but the model has only 64 positions/);
  await refused(train('--preset', 'transformers', '--load-best-model-at-end'), 2, /--load-best-model-at-end/);
  await refused(train('--dataset', 'data/train.jsonl', '--eval-strategy', 'epoch'), 2, /no evaluation rows/);
  await refused(train('--device', 'cuda'), 2, /--device must be one of auto, cpu/);
  await refused(
    ['predict', '--model', 'two-labels', '--text', 'a', '--input', 'b'],
    2,
    /--text and --input exclude each other/,
  );
  await refused(['predict', '--model', 'two-labels'], 2, /--text or --input is missing/);
  await refused(['predict', '--text', 'a'], 2, /--model is missing/);
  await refused(['fit'], 2, /unknown command fit/);
});

test('config files', async () => {
  const config = (text: string): string[] => {
    writeFileSync(join(cwd, 'run.json'), text);
    return train('--config', 'run.json');
  };
  await refused(
    config('{"learning_rate": 1e-3,\n  "seeds": 1}'),
    2,
    /run\.json: "seeds" is not an argument/,
    /Did you mean seed\?/,
  );
  await refused(config('{"seed": "1"}'), 2, /run\.json: "seed" must be a whole number/);
  await refused(config('{"seed": 1,\n  oops}'), 2, /run\.json:2:3/);
  await refused(train('--config', 'nowhere.json'), 2, /nowhere\.json/);
});

test('output folders', async () => {
  writeFileSync(join(cwd, 'a-file'), 'mine');
  await refused(train('--output-dir', 'a-file'), 1, /a-file cannot be written/);
  assert.equal(readFileSync(join(cwd, 'a-file'), 'utf8'), 'mine');

  const first = await attune(train('--output-dir', 'used', '--max-steps', '1'), { cwd });
  assert.equal(first.code, 0, first.stderr);
  const used = join(cwd, 'used');
  writeFileSync(join(used, 'my-notes.txt'), 'mine');
  await refused(
    train('--output-dir', 'used'),
    2,
    /used already holds a run/,
    /--resume-from-checkpoint.*--overwrite-output-dir/s,
  );
  await refused(
    train('--output-dir', 'empty', '--resume-from-checkpoint'),
    1,
    /no checkpoint in empty to resume from/,
  );

  const replaced = await attune(train('--output-dir', 'used', '--overwrite-output-dir', '--max-steps', '1'), {
    cwd,
  });
  assert.equal(replaced.code, 0, replaced.stderr);
  assert.equal(readFileSync(join(used, 'my-notes.txt'), 'utf8'), 'mine');
});

test('a training that diverges ends with the step and the last good checkpoint', async () => {
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
