/**
 * What earlier versions wrote is read, gone on with and replaced as they did it
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
const close = (actual: unknown, expected: unknown, what: string): void =>
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
  it('is evaluated as it was trained, with no flag, and so are its checkpoints', async () => {
    const expected = readJson(at('result.json'));
    for (const model of ['run', 'run/checkpoint-4']) {
      const [result] = await records('evaluate', '--model', model, '--json');
      for (const name of ['loss', 'accuracy', 'f1', 'auc'])
        close(result[name], expected[name], `${model} ${name}`);
    }
  });

  it('predicts the logits that it predicted', async () => {
    const expected = jsonLines(readFileSync(at('predictions.jsonl'), 'utf8'));
    const found = await records('predict', '--model', 'run', '--input', 'data/test.jsonl', '--logits');
    assert.equal(found.length, expected.length);
    for (const [i, { text, logits }] of found.entries()) {
      assert.equal(text, expected[i]['text']);
      (logits as number[]).forEach((logit, k) =>
        close(logit, (expected[i]['logits'] as number[])[k], `row ${i}`),
      );
    }
  });

  it('is reported on, and its comparison and baselines are read', async () => {
    const { version, models, verdict } = await readComparison(at('run', 'comparison.json'));
    assert.deepEqual([version, models.length, verdict.best], [2, 8, 'tfidf-logistic']);
    // That version's interval of a perfect score was empty.
    assert.deepEqual([models[0].f1.value, models[0].f1.low!.toFixed(3)], [1, '0.735']);
    for (const id of readdirSync(at('run', 'baselines')).filter((each) => each !== 'gpt2-probe')) {
      const [label] = await (
        await loadEstimator(at('run', 'baselines', id), 'texts')
      ).predict(['a fine day']);
      assert.ok(label === 0 || label === 1, id);
    }
    assert.deepEqual(await records('report', 'run', '--json'), [{ type: 'report', path: 'run/report.html' }]);
  });

  it('is gone on with and overwritten, and what is the user’s stays', async () => {
    writeFileSync(at('run', 'letter.txt'), 'dear');
    // The report has made the record of this version.
    rmSync(at('run', '.attune-files.json'));
    // What that version left of a write that was interrupted, and what only looks like it.
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
