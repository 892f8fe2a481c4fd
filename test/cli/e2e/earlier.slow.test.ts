/**
 * Runs that an earlier version wrote are read, resumed and replaced as that version did it
 * (test/fixtures/earlier/README.md).
 */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { loadEstimator } from '#attune/baselines/saved.js';
import { readComparison } from '#attune/report/comparison-file.js';
import { attune, jsonLines, readJson } from '../../support/cli.js';
import { fixturePath } from '../../support/fixtures.js';
import { workspace } from '../../support/workspace.js';

const cwd = workspace((dir) => {
  cpSync(fixturePath('earlier/0.1.0'), dir, { recursive: true });
  const manifest = join(dir, 'run', 'attune.json');
  writeFileSync(manifest, JSON.stringify({ ...readJson(manifest), cwd: dir }));
});
const at = (...path: string[]): string => join(cwd, ...path);
const assertClose = (actual: unknown, expected: unknown, what: string): void =>
  assert.ok(
    Math.abs((actual as number) - (expected as number)) < 1e-5,
    `${what}: ${String(actual)}, not ${String(expected)}`,
  );

async function records(...words: string[]): Promise<Record<string, unknown>[]> {
  const { code, stdout, stderr } = await attune(words, { cwd });
  assert.equal(code, 0, stderr);
  return jsonLines(stdout);
}

describe('a run of version 0.1.0', () => {
  it('gives its metrics in attune evaluate without options, and so do its checkpoints', async () => {
    const expected = readJson(at('result.json'));
    for (const model of ['run', 'run/checkpoint-4']) {
      const [result] = await records('evaluate', '--model', model, '--json');
      for (const name of ['loss', 'accuracy', 'f1', 'auc'])
        assertClose(result[name], expected[name], `${model} ${name}`);
    }
  });

  it('gives the same logits in attune predict', async () => {
    const expected = jsonLines(readFileSync(at('predictions.jsonl'), 'utf8'));
    const found = await records('predict', '--model', 'run', '--input', 'data/test.jsonl', '--logits');
    assert.equal(found.length, expected.length);
    for (const [i, { text, logits }] of found.entries()) {
      assert.equal(text, expected[i]['text']);
      (logits as number[]).forEach((logit, k) =>
        assertClose(logit, (expected[i]['logits'] as number[])[k], `row ${i}`),
      );
    }
  });

  it('has a comparison that is read, and that attune report shows', async () => {
    const { version, models, verdict } = await readComparison(at('run', 'comparison.json'));
    assert.deepEqual([version, models.length, verdict.best], [2, 8, 'tfidf-logistic']);
    // The interval of a perfect score was empty in that version.
    assert.deepEqual([models[0].f1.value, models[0].f1.low!.toFixed(3)], [1, '0.735']);
    assert.deepEqual(await records('report', 'run', '--json'), [{ type: 'report', path: 'run/report.html' }]);
  });

  it('has baselines that are loaded and predict', async () => {
    const ids = readdirSync(at('run', 'baselines')).filter((each) => each !== 'gpt2-probe');
    assert.equal(ids.length, 6);
    for (const id of ids) {
      const estimator = await loadEstimator(at('run', 'baselines', id), 'texts');
      const [label] = await estimator.predict(['a fine day']);
      assert.ok(label === 0 || label === 1, id);
    }
  });

  it('is resumed and overwritten, and files of the user stay', async () => {
    writeFileSync(at('run', 'letter.txt'), 'dear');
    // attune report has written the file list of this version, which that version did not have.
    rmSync(at('run', '.attune-files.json'));
    // Leftovers of an interrupted write of that version, and a file of the user that looks like one.
    renameSync(at('run', 'checkpoint-4'), at('run', '.checkpoint-4.4711.partial.old'));
    mkdirSync(at('run', '.checkpoint-4.4711.partial'));
    writeFileSync(at('run', '.thesis.4711.partial'), 'mine');
    const args = [
      '--model',
      'model',
      '--dataset',
      'data',
      '--text-column',
      'review',
      '--label-column',
      'verdict',
      '--max-length',
      '20',
      '--seed',
      '7',
      '--learning-rate',
      '0.05',
      '--save-steps',
      '2',
      '--threads',
      '1',
      '--output-dir',
      'run',
    ];
    const resumed = await attune(
      ['train', ...args, '--max-steps', '6', '--save-total-limit', '1', '--resume-from-checkpoint'],
      { cwd },
    );
    assert.equal(resumed.code, 0, resumed.stderr);
    assert.match(resumed.stderr, /going on from run.checkpoint-4/);
    assert.deepEqual(
      readdirSync(at('run')).filter((name) => /checkpoint|partial/.test(name)),
      ['.thesis.4711.partial', 'checkpoint-6'],
    );
    const replaced = await attune(
      ['train', ...args, '--max-steps', '1', '--save-strategy', 'no', '--overwrite-output-dir'],
      { cwd },
    );
    assert.equal(replaced.code, 0, replaced.stderr);
    assert.deepEqual(
      readdirSync(at('run')).filter((name) =>
        /checkpoint|baselines|comparison|report|letter|partial/.test(name),
      ),
      ['.thesis.4711.partial', 'letter.txt'],
    );
  });
});
