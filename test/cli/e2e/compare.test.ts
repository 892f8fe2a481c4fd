/** `attune compare` and `predict --explain` as a user runs them. */
import assert from 'node:assert/strict';
import { execSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FINE_TUNED } from '#attune/compare/comparison.js';
import type { Comparison } from '#attune/compare/comparison.js';
import { attune, jsonLines, toJsonl, writeTinyModel } from '../../support/cli.js';
import { sentences } from '../../support/sentences.js';
import { workspace } from '../../support/workspace.js';

const DATA = ['--model', 'model', '--dataset', 'data'];
const cwd = workspace(async (cwd) => {
  await writeTinyModel(join(cwd, 'model'));
  mkdirSync(join(cwd, 'data'));
  writeFileSync(join(cwd, 'data', 'train.jsonl'), toJsonl(sentences(90, 3, { classes: 2 })));
  writeFileSync(join(cwd, 'data', 'test.jsonl'), toJsonl(sentences(40, 4, { classes: 2 })));
});

test('compare writes data and page, and once interrupted resumes from the finished model', async () => {
  const stopped = await attune(
    [
      'compare',
      ...DATA,
      '--max-steps',
      '4',
      '--learning-rate',
      '0.01',
      '--margin',
      '0.3',
      '--seeds',
      '2',
      '--output-dir',
      'a run',
    ],
    { cwd, signals: [{ when: /\nComparison\n/, signal: 'SIGINT' }] },
  );
  assert.equal(stopped.code, 130, stopped.stderr);
  assert.match(
    stopped.stderr,
    /attune\.js compare --finetuned 'a run' --model model --margin 0\.3 --seeds 2\n/,
  );
  renameSync(join(cwd, 'a run'), join(cwd, 'run'));
  renameSync(join(cwd, 'a run-seed-43'), join(cwd, 'run-seed-43'));
  assert.ok(!existsSync(join(cwd, 'run', 'comparison.json')));

  const { code, stdout, stderr } = await attune(
    ['compare', '--finetuned', 'run', ...DATA, '--margin', '0.3', '--seeds', '2', '--json'],
    { cwd },
  );
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Word2Vec \+ Logistic Regression {2}AUC: 0\.\d{4} {2}F1: 0\.\d{4}/);
  assert.match(stderr, /\nVerdict\n/);
  const records = jsonLines(stdout);
  assert.equal(records.filter(({ type }) => type === 'model').length, 8);
  assert.match(stderr, /Fine-tuned under seed 43 before, in run-seed-43\./);
  const last = records.at(-1)!;
  assert.equal(last['type'], 'comparison');
  assert.equal(last['report'], join('run', 'report.html'));
  const written = JSON.parse(readFileSync(join(cwd, 'run', 'comparison.json'), 'utf8')) as Comparison;
  assert.equal(written.verdict.margin, 0.3);
  const { seeds } = written.verdict;
  const tuned = written.models.find(({ id }) => id === FINE_TUNED)!;
  assert.deepEqual(seeds!.runs[0], {
    seed: 42,
    accuracy: tuned.accuracy.value,
    f1: tuned.f1.value,
    auc: tuned.auc.value,
  });
  const { accuracy, f1, auc } = jsonLines(
    (await attune(['evaluate', '--model', 'run-seed-43', '--json'], { cwd })).stdout,
  )[0];
  assert.deepEqual(seeds!.runs.slice(1), [{ seed: 43, accuracy, f1, auc }]);
  assert.deepEqual(
    records.filter(({ type }) => type === 'seed'),
    [{ type: 'seed', ...seeds!.runs[1] }],
  );
  // One source: records, terminal and file say the same.
  const { best, bestSet, recommended, sentences: said } = last as unknown as Comparison['verdict'];
  assert.deepEqual(
    { best, bestSet, recommended, said },
    {
      best: written.verdict.best,
      bestSet: written.verdict.bestSet,
      recommended: written.verdict.recommended,
      said: written.verdict.sentences,
    },
  );
  assert.deepEqual(
    last['models'],
    written.models.map(({ id, againstBest }) => ({
      id,
      againstBest,
      folder: id === FINE_TUNED ? 'run' : join('run', 'baselines', id),
    })),
  );
  // What is printed at the end is run as it stands there.
  const [predict, evaluate] = /\nUse it\n.*\n +(.*)\n +(.*)\n/.exec(stderr)!.slice(1);
  const chosen = written.models.find(({ id }) => id === (recommended ?? best))!;
  const [predicted] = jsonLines(execSync(predict, { cwd, stdio: ['ignore', 'pipe', 'ignore'] }).toString());
  assert.equal(predicted['text'], 'I love it');
  assert.match(
    execSync(evaluate, { cwd, stdio: ['ignore', 'pipe', 'ignore'] }).toString(),
    new RegExp(`\nf1 ${chosen.f1.value}\n`),
  );
  const { id, predictions } = written.models.find((model) => model.id === 'tfidf-logistic')!;
  const answers = jsonLines(
    (
      await attune(['predict', '--model', join('run', 'baselines', id), '--input', 'data/test.jsonl'], {
        cwd,
      })
    ).stdout,
  );
  assert.deepEqual(
    answers.map(({ scores }) => Object.values(scores as Record<string, number>)),
    predictions.probabilities,
  );
  const unwrapped = stderr.replace(/\s+/g, ' ');
  for (const sentence of said) assert.ok(unwrapped.includes(sentence.replace(/\s+/g, ' ')), sentence);
  const page = readFileSync(join(cwd, 'run', 'report.html'), 'utf8');
  assert.match(page, /Linear probe of model/);
  const { logHistory } = written;
  assert.ok(tuned.cost.trainSeconds > 0);
  assert.match(page, /How much is luck of the seed/);
  assert.ok(logHistory.length > 0);

  const explained = await attune(
    ['predict', '--model', 'run', '--text', 'What a good day', '--text', '', '--explain'],
    { cwd },
  );
  assert.equal(explained.code, 0, explained.stderr);
  const [first, empty] = jsonLines(explained.stdout) as unknown as {
    attributions: { token: string; score: number }[];
  }[];
  assert.equal(first.attributions.map(({ token }) => token).join(''), 'What a good day');
  assert.ok(first.attributions.some(({ score }) => score !== 0));
  assert.deepEqual(empty.attributions, []);
});

test('what cannot be compared is refused before anything is trained', async () => {
  writeFileSync(join(cwd, 'few.jsonl'), toJsonl(sentences(12, 3, { classes: 2 })));
  const noTest = await attune(
    ['compare', '--model', 'model', '--dataset', 'few.jsonl', '--output-dir', 'other'],
    { cwd },
  );
  assert.equal(noTest.code, 2);
  assert.match(
    noTest.stderr,
    /a comparison needs test rows, and no test rows are parted off: 12 rows are too few\s[^]*--eval-dataset/,
  );
  assert.ok(!existsSync(join(cwd, 'other')));
  const both = await attune(['compare', '--finetuned', 'model', '--resume-from-checkpoint', ...DATA], {
    cwd,
  });
  assert.equal(both.code, 2);
  assert.match(both.stderr, /exclude each other/);
  mkdirSync(join(cwd, 'mine-seed-43'));
  writeFileSync(join(cwd, 'mine-seed-43', 'config.json'), '{}');
  const inTheWay = await attune(['compare', ...DATA, '--seeds', '2', '--output-dir', 'mine'], { cwd });
  assert.equal(inTheWay.code, 2, inTheWay.stderr);
  assert.match(inTheWay.stderr, /mine-seed-43 holds config\.json, which attune did not make/);
  assert.ok(!existsSync(join(cwd, 'mine')));
  mkdirSync(join(cwd, 'page'));
  writeFileSync(join(cwd, 'page', 'report.html'), 'mine');
  const page = await attune(
    ['compare', '--finetuned', 'run', ...DATA, '--seeds', '3', '--output-dir', 'page'],
    { cwd },
  );
  assert.equal(page.code, 2, page.stderr);
  assert.match(page.stderr, /page holds report\.html, which attune did not make/);
  assert.ok(!existsSync(join(cwd, 'page-seed-43')));
  for (const margin of ['1e-9', 'wide']) {
    const refused = await attune(['compare', ...DATA, '--margin', margin, '--output-dir', 'other'], { cwd });
    assert.equal(refused.code, 2, margin);
    assert.match(refused.stderr, /--margin/);
    assert.ok(!existsSync(join(cwd, 'other')));
  }
});
