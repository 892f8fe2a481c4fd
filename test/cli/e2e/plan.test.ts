/**
 * `train` and `compare` with nothing but a file: the plan, what it holds out, and later commands that find
 * the same rows.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Comparison } from '#attune/compare/comparison.js';
import { readManifest } from '#attune/train/manifest.js';
import { attune, jsonLines, readJson, toJsonl, writeTinyModel } from '../../support/cli.js';
import { sentences } from '../../support/sentences.js';
import { workspace } from '../../support/workspace.js';
import { pattern } from '../../support/pattern.js';

const cwd = workspace(async (cwd) => {
  await writeTinyModel(join(cwd, 'model'));
  writeFileSync(
    join(cwd, 'rows.jsonl'),
    toJsonl(sentences(100, 3, { classes: 2 }).map((row, i) => ({ ...row, text: `${row.text} ${i}` }))),
  );
});
const DATA = ['--model', 'model', '--dataset', 'rows.jsonl'];

test('train plans, holds rows out, keeps the best epoch, and is found again by evaluate and reproduce', async () => {
  const { code, stdout, stderr } = await attune(['train', ...DATA, '--output-dir', 'run', '--json'], { cwd });
  assert.equal(code, 0, stderr);
  const records = jsonLines(stdout);
  const { lines } = records.find(({ type }) => type === 'plan') as unknown as {
    lines: { argument: string; value: unknown }[];
  };
  assert.deepEqual(
    lines.slice(0, 2).map(({ argument, value }) => [argument, value]),
    [
      ['validationSize', 0.15],
      ['numTrainEpochs', 10],
    ],
  );
  for (const words of [
    '\nPlan\n',
    '--validation-size 0.15',
    '--num-train-epochs 10',
    '--learning-rate 0.0002',
    'validation: 15 rows',
    'Result on the 15 validation rows',
    'so the metrics flatter',
  ])
    assert.ok(stderr.includes(words), words);
  const result = records.find(({ type }) => type === 'result')!;
  assert.equal(result['split'], 'validation');

  const {
    best_metric: best,
    best_global_step: step,
    log_history: history,
  } = readJson(join(cwd, 'run', 'trainer_state.json')) as {
    best_metric: number;
    best_global_step: number;
    log_history: { step: number; eval_f1?: number }[];
  };
  assert.equal(history.find((record) => record.step === step && record.eval_f1 !== undefined)!.eval_f1, best);
  assert.equal(result['f1'], best);
  const { inputs, arguments: args } = await readManifest(join(cwd, 'run'));
  assert.equal(inputs.validationSize, 0.15);
  assert.deepEqual([args['numTrainEpochs'], args['metricForBestModel'], args['maxLength']], [10, 'f1', 64]);

  const evaluated = await attune(['evaluate', '--model', 'run', '--json'], { cwd });
  assert.equal(evaluated.code, 0, evaluated.stderr);
  const [again] = jsonLines(evaluated.stdout);
  assert.deepEqual([again['f1'], again['rows']], [result['f1'], 15]);
  assert.match(
    evaluated.stderr.replace(/\s+/g, ' '),
    /the validation rows of rows\.jsonl, by a validation size of 0\.15; if the epoch was chosen by them/,
  );
  const reproduced = await attune(['reproduce', 'run'], { cwd });
  assert.equal(reproduced.code, 0, reproduced.stderr);
});

test('compare holds out test rows as well, and gives the baselines the rows the epoch was chosen by', async () => {
  const { code, stdout, stderr } = await attune(
    ['compare', ...DATA, '--num-train-epochs', '1', '--seeds', '2', '--output-dir', 'compared', '--json'],
    { cwd },
  );
  assert.equal(code, 0, stderr);
  const { dataset, models } = readJson(join(cwd, 'compared', 'comparison.json')) as unknown as Comparison;
  assert.deepEqual([dataset.trainRows, dataset.testRows], [80, 20]);
  assert.match(
    stderr,
    pattern(
      /train: 68 rows[^]*validation: 12 rows[^]*test: 20 rows[^]*/,
      /trained on the same 80 rows \(12 of them the fine-tuned model was only evaluated on\), /,
      /tested on the same 20/,
    ),
  );
  const folders = (jsonLines(stdout).at(-1)!['models'] as { id: string; folder: string }[]).filter(
    ({ id }) => id === 'gpt2-finetuned' || id === 'tfidf-logistic',
  );
  assert.equal(folders.length, 2);
  for (const { id, folder } of folders) {
    const evaluated = await attune(['evaluate', '--model', folder, '--json'], { cwd });
    assert.equal(evaluated.code, 0, evaluated.stderr);
    const [{ rows, f1 }] = jsonLines(evaluated.stdout);
    assert.deepEqual([rows, f1], [20, models.find((each) => each.id === id)!.f1.value], id);
    assert.doesNotMatch(evaluated.stderr, /flatter/, 'no test row was trained on');
  }
  // Under another seed, the same plan on the same rows.
  const [first, second] = await Promise.all(
    ['compared', 'compared-seed-43'].map((folder) => readManifest(join(cwd, folder))),
  );
  assert.deepEqual(
    [first, second].map(({ inputs: { testSize, validationSize } }) => [testSize, validationSize]),
    [
      [0.2, 0.15],
      [0.2, 0.15],
    ],
  );
  assert.deepEqual(
    [second.inputs.splitSeed, second.hashes.trainData, second.hashes.evalData],
    [42, first.hashes.trainData, first.hashes.evalData],
  );
  assert.equal(second.arguments['bestModelTolerance'], first.arguments['bestModelTolerance']);

  // With --finetuned, and no option more, the same rows again.
  const again = await attune(['compare', '--finetuned', 'compared', '--output-dir', 'again', '--json'], {
    cwd,
  });
  assert.equal(again.code, 0, again.stderr);
  const repeated = readJson(join(cwd, 'again', 'comparison.json')) as unknown as Comparison;
  assert.deepEqual([repeated.dataset.trainRows, repeated.dataset.testLabels], [80, dataset.testLabels]);
  assert.deepEqual(
    repeated.models.map(({ id, f1 }) => [id, f1.value]),
    models.map(({ id, f1 }) => [id, f1.value]),
  );
});
