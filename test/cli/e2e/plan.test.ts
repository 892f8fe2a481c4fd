/**
 * `train` and `compare` with only a file: the plan, the rows that it holds out, and later commands that find the
 * same rows.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import type { Comparison } from '#attune/compare/comparison.js';
import { readManifest } from '#attune/train/manifest.js';
import { attune, jsonLines, readJson, toJsonl, writeTinyModel } from '../../support/cli.js';
import type { CliResult } from '../../support/cli.js';
import { printedNotice } from '../../support/refusal.js';
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

describe('attune train with only a model and a dataset', () => {
  let run: CliResult;
  let records: readonly Record<string, unknown>[];
  let result: Record<string, unknown>;
  before(async () => {
    run = await attune(['train', ...DATA, '--output-dir', 'run', '--json'], { cwd });
    assert.equal(run.code, 0, run.stderr);
    records = jsonLines(run.stdout);
    result = records.find(({ type }) => type === 'result')!;
  });

  it('plans the validation split and the epochs', () => {
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
  });

  it('shows the plan and the result on the validation split', () => {
    for (const words of [
      '\nPlan\n',
      '--validation-size 0.15',
      '--num-train-epochs 10',
      '--learning-rate 0.0002',
      'validation: 15 rows',
      'Result on the 15 validation rows',
      'so the metrics flatter',
    ])
      assert.ok(run.stderr.includes(words), words);
    assert.equal(result['split'], 'validation');
  });

  it('keeps the best epoch', () => {
    const {
      best_metric: best,
      best_global_step: step,
      log_history: history,
    } = readJson(join(cwd, 'run', 'trainer_state.json')) as {
      best_metric: number;
      best_global_step: number;
      log_history: { step: number; eval_f1?: number }[];
    };
    const evaluation = history.find((record) => record.step === step && record.eval_f1 !== undefined)!;
    assert.equal(evaluation.eval_f1, best);
    assert.equal(result['f1'], best);
  });

  it('saves the plan in the manifest', async () => {
    const { inputs, arguments: args } = await readManifest(join(cwd, 'run'));
    assert.equal(inputs.validationSize, 0.15);
    assert.deepEqual([args['numTrainEpochs'], args['metricForBestModel'], args['maxLength']], [10, 'f1', 64]);
  });

  it('is evaluated on the same validation rows by attune evaluate', async () => {
    const evaluated = await attune(['evaluate', '--model', 'run', '--json'], { cwd });
    assert.equal(evaluated.code, 0, evaluated.stderr);
    const [again] = jsonLines(evaluated.stdout);
    assert.deepEqual([again['f1'], again['rows']], [result['f1'], 15]);
    assert.match(
      evaluated.stderr.replace(/\s+/g, ' '),
      /the validation rows of rows\.jsonl, by a validation size of 0\.15; if the epoch was chosen by them/,
    );
  });

  it('is reproduced by attune reproduce', async () => {
    const reproduced = await attune(['reproduce', 'run'], { cwd });
    assert.equal(reproduced.code, 0, reproduced.stderr);
  });
});

describe('attune compare with only a model and a dataset', () => {
  let run: CliResult;
  let comparison: Comparison;
  const comparisonIn = (folder: string): Comparison =>
    readJson(join(cwd, folder, 'comparison.json')) as unknown as Comparison;
  before(async () => {
    run = await attune(
      ['compare', ...DATA, '--num-train-epochs', '1', '--seeds', '2', '--output-dir', 'compared', '--json'],
      { cwd },
    );
    assert.equal(run.code, 0, run.stderr);
    comparison = comparisonIn('compared');
  });

  it('holds out test rows, and trains the baselines on the validation rows as well', () => {
    const { dataset } = comparison;
    assert.deepEqual([dataset.trainRows, dataset.testRows], [80, 20]);
    assert.match(
      run.stderr,
      pattern(
        /train: 68 rows[^]*validation: 12 rows[^]*test: 20 rows[^]*/,
        /trained on the same 80 rows \(12 of them the fine-tuned model was only evaluated on\), /,
        /tested on the same 20/,
      ),
    );
  });

  it('saves models that attune evaluate measures on the same test rows', async () => {
    const folders = (jsonLines(run.stdout).at(-1)!['models'] as { id: string; folder: string }[]).filter(
      ({ id }) => id === 'gpt2-finetuned' || id === 'tfidf-logistic',
    );
    assert.equal(folders.length, 2);
    for (const { id, folder } of folders) {
      const evaluated = await attune(['evaluate', '--model', folder, '--json'], { cwd });
      assert.equal(evaluated.code, 0, evaluated.stderr);
      const [{ rows, f1 }] = jsonLines(evaluated.stdout);
      assert.deepEqual([rows, f1], [20, comparison.models.find((each) => each.id === id)!.f1.value], id);
      for (const learner of ['model', 'baselines'] as const)
        for (let seen = 1; seen <= 20; seen++) {
          const flattered = printedNotice('rows-trained-on', { learner, seen, rows: 20 });
          assert.ok(!evaluated.stderr.includes(flattered), evaluated.stderr);
        }
    }
  });

  it('uses the same plan and the same rows for another seed', async () => {
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
  });

  it('is repeated on the same rows with --finetuned', async () => {
    const again = await attune(['compare', '--finetuned', 'compared', '--output-dir', 'again', '--json'], {
      cwd,
    });
    assert.equal(again.code, 0, again.stderr);
    const repeated = comparisonIn('again');
    assert.deepEqual(
      [repeated.dataset.trainRows, repeated.dataset.testLabels],
      [80, comparison.dataset.testLabels],
    );
    assert.deepEqual(
      repeated.models.map(({ id, f1 }) => [id, f1.value]),
      comparison.models.map(({ id, f1 }) => [id, f1.value]),
    );
  });
});
