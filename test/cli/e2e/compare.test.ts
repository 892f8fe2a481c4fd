/** `attune compare` and `predict --explain` as a user runs them. */
import assert from 'node:assert/strict';
import { execSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { FINE_TUNED } from '#attune/compare/comparison.js';
import type { Comparison } from '#attune/compare/comparison.js';
import { attune, jsonLines, toJsonl, writeTinyModel } from '../../support/cli.js';
import type { CliResult } from '../../support/cli.js';
import { printed, printedWithHint } from '../../support/refusal.js';
import { sentences } from '../../support/sentences.js';
import { workspace } from '../../support/workspace.js';

const DATA = ['--model', 'model', '--dataset', 'data'];
const cwd = workspace(async (cwd) => {
  await writeTinyModel(join(cwd, 'model'));
  mkdirSync(join(cwd, 'data'));
  writeFileSync(join(cwd, 'data', 'train.jsonl'), toJsonl(sentences(90, 3, { classes: 2 })));
  writeFileSync(join(cwd, 'data', 'test.jsonl'), toJsonl(sentences(40, 4, { classes: 2 })));
});

/** Runs a command as it was printed, in a shell. */
const pasted = (command: string): string =>
  execSync(command, { cwd, stdio: ['ignore', 'pipe', 'ignore'] }).toString();

const textOf = (...path: string[]): string => readFileSync(join(cwd, ...path), 'utf8');

describe('attune compare, interrupted and finished with --finetuned', () => {
  let stopped: CliResult;
  let hadComparison: boolean;
  let finished: CliResult;
  let records: readonly Record<string, unknown>[];
  /** The last record on stdout. */
  let last: Record<string, unknown>;
  /** The verdict in it. */
  let verdict: Comparison['verdict'];
  /** What comparison.json holds. */
  let written: Comparison;
  before(async () => {
    stopped = await attune(
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
    renameSync(join(cwd, 'a run'), join(cwd, 'run'));
    renameSync(join(cwd, 'a run-seed-43'), join(cwd, 'run-seed-43'));
    hadComparison = existsSync(join(cwd, 'run', 'comparison.json'));
    finished = await attune(
      ['compare', '--finetuned', 'run', ...DATA, '--margin', '0.3', '--seeds', '2', '--json'],
      { cwd },
    );
    assert.equal(finished.code, 0, finished.stderr);
    records = jsonLines(finished.stdout);
    last = records.at(-1)!;
    verdict = last as unknown as Comparison['verdict'];
    written = JSON.parse(textOf('run', 'comparison.json')) as Comparison;
  });

  const fineTuned = (): Comparison['models'][number] => written.models.find(({ id }) => id === FINE_TUNED)!;

  it('prints the command that finishes it when it is interrupted', () => {
    assert.ok(stopped.stderr.includes(printed('comparison-interrupted', { command: '' })), stopped.stderr);
    assert.match(
      stopped.stderr,
      /attune\.js compare --finetuned 'a run' --model model --margin 0\.3 --seeds 2\n/,
    );
    assert.ok(!hadComparison);
  });

  it('trains the baselines, and uses the models that were fine-tuned before', () => {
    assert.match(finished.stderr, /Word2Vec \+ Logistic Regression {2}AUC: 0\.\d{4} {2}F1: 0\.\d{4}/);
    assert.match(finished.stderr, /\nVerdict\n/);
    assert.equal(records.filter(({ type }) => type === 'model').length, 8);
    assert.match(finished.stderr, /Fine-tuned under seed 43 before, in run-seed-43\./);
    assert.equal(last['type'], 'comparison');
    assert.equal(last['report'], join('run', 'report.html'));
    assert.equal(written.verdict.margin, 0.3);
    assert.ok(fineTuned().cost.trainSeconds > 0);
  });

  it('saves the metrics of each seed, as attune evaluate measures them', async () => {
    const { seeds } = written.verdict;
    const tuned = fineTuned();
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
  });

  it('gives the same verdict on stdout, on stderr and in comparison.json', () => {
    const { best, bestSet, recommended, sentences } = verdict;
    assert.deepEqual(
      { best, bestSet, recommended, sentences },
      {
        best: written.verdict.best,
        bestSet: written.verdict.bestSet,
        recommended: written.verdict.recommended,
        sentences: written.verdict.sentences,
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
    const unwrapped = finished.stderr.replace(/\s+/g, ' ');
    assert.ok(sentences.length > 0);
    for (const sentence of sentences) assert.ok(unwrapped.includes(sentence.replace(/\s+/g, ' ')), sentence);
  });

  it('prints commands for the chosen model that run as they are', () => {
    const [predict, evaluate] = /\nUse it\n.*\n +(.*)\n +(.*)\n/.exec(finished.stderr)!.slice(1);
    const chosen = written.models.find(({ id }) => id === (verdict.recommended ?? verdict.best))!;
    assert.equal(jsonLines(pasted(predict))[0]['text'], 'I love it');
    assert.match(pasted(evaluate), new RegExp(`\nf1 ${chosen.f1.value}\n`));
  });

  it('saves baselines from which attune predict gives the same probabilities', async () => {
    const { id, predictions } = written.models.find((model) => model.id === 'tfidf-logistic')!;
    const { stdout } = await attune(
      ['predict', '--model', join('run', 'baselines', id), '--input', 'data/test.jsonl'],
      { cwd },
    );
    assert.deepEqual(
      jsonLines(stdout).map(({ scores }) => Object.values(scores as Record<string, number>)),
      predictions.probabilities,
    );
  });

  it('writes a report with the linear probe, the spread of the seeds and the log', () => {
    const page = textOf('run', 'report.html');
    assert.match(page, /Linear probe of model/);
    assert.match(page, /How much is luck of the seed/);
    assert.ok(written.logHistory.length > 0);
  });

  it('saves a fine-tuned model that attune predict --explain explains token by token', async () => {
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
});

describe('attune compare', () => {
  const inTheWay = (dir: string, name: string): string =>
    printed('output-dir-holds-foreign', { dir, foreign: [name], resuming: false });

  it('refuses data that is too small to hold out test rows', async () => {
    writeFileSync(join(cwd, 'few.jsonl'), toJsonl(sentences(12, 3, { classes: 2 })));
    const { code, stderr } = await attune(
      ['compare', '--model', 'model', '--dataset', 'few.jsonl', '--output-dir', 'other'],
      { cwd },
    );
    assert.equal(code, 2);
    const expected = printedWithHint('comparison-without-test-rows', {
      finetuned: false,
      obstacle: { kind: 'too-few-rows', rows: 12 },
    });
    assert.ok(stderr.includes(`${expected}\n`), stderr);
    assert.ok(!existsSync(join(cwd, 'other')));
  });

  it('refuses --finetuned together with --resume-from-checkpoint', async () => {
    const { code, stderr } = await attune(
      ['compare', '--finetuned', 'model', '--resume-from-checkpoint', ...DATA],
      { cwd },
    );
    assert.equal(code, 2);
    assert.ok(stderr.includes(printed('finetuned-excludes-resuming', {})), stderr);
  });

  it('refuses a foreign file in the folder of another seed before it trains', async () => {
    mkdirSync(join(cwd, 'mine-seed-43'));
    writeFileSync(join(cwd, 'mine-seed-43', 'config.json'), '{}');
    const { code, stderr } = await attune(['compare', ...DATA, '--seeds', '2', '--output-dir', 'mine'], {
      cwd,
    });
    assert.equal(code, 2, stderr);
    assert.ok(stderr.includes(inTheWay('mine-seed-43', 'config.json')), stderr);
    assert.ok(!existsSync(join(cwd, 'mine')));
  });

  it('refuses a foreign file in place of the report before it trains another seed', async () => {
    mkdirSync(join(cwd, 'page'));
    writeFileSync(join(cwd, 'page', 'report.html'), 'mine');
    const { code, stderr } = await attune(
      ['compare', '--finetuned', 'run', ...DATA, '--seeds', '3', '--output-dir', 'page'],
      { cwd },
    );
    assert.equal(code, 2, stderr);
    assert.ok(stderr.includes(inTheWay('page', 'report.html')), stderr);
    assert.ok(!existsSync(join(cwd, 'page-seed-43')));
  });

  for (const [margin, given] of [
    ['1e-9', 1e-9],
    ['wide', 'wide'],
  ] as const) {
    it(`refuses --margin ${margin}`, async () => {
      const { code, stderr } = await attune(
        ['compare', ...DATA, '--margin', margin, '--output-dir', 'other'],
        {
          cwd,
        },
      );
      assert.equal(code, 2, margin);
      const accepts = { kind: 'number', min: 0.001, below: 1 } as const;
      assert.ok(stderr.includes(printed('argument-invalid', { argument: 'margin', accepts, given })), stderr);
      assert.ok(!existsSync(join(cwd, 'other')));
    });
  }
});

describe('attune compare --finetuned', () => {});
