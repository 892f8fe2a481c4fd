/** Every command that evaluates a model warns how many of the rows the model was trained on. */
import assert from 'node:assert/strict';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { writeByteModel } from '../../support/byte-model.js';
import { attune, toJsonl } from '../../support/cli.js';
import { printedNotice } from '../../support/refusal.js';
import { workspace } from '../../support/workspace.js';

const rows = (from: number, to: number): readonly object[] =>
  Array.from({ length: to - from }, (_, i) => ({
    text: `row ${from + i} of ${(from + i) % 7}`,
    label: (from + i) % 2 === 0 ? 'good' : 'bad',
  }));

const cwd = workspace(async (dir) => {
  await writeByteModel(join(dir, 'model'));
  writeFileSync(join(dir, 'train.jsonl'), toJsonl(rows(0, 40)));
  writeFileSync(join(dir, 'more.jsonl'), toJsonl(rows(40, 80)));
  writeFileSync(join(dir, 'clean.jsonl'), toJsonl(rows(80, 100)));
  writeFileSync(join(dir, 'mixed.jsonl'), toJsonl([...rows(95, 100), ...rows(0, 3), ...rows(40, 42)]));
  // The last three rows are those of the training data, one of them with other white space.
  writeFileSync(
    join(dir, 'leaky.jsonl'),
    toJsonl([...rows(80, 97), ...rows(0, 2), { text: ' row  2 of 2\n', label: 'good' }]),
  );
});

const SETTINGS = ['--max-steps', '2', '--save-steps', '1', '--threads', '1'];
const train = (output: string, ...words: string[]): readonly string[] => [
  'train',
  '--output-dir',
  output,
  ...SETTINGS,
  ...words,
];

const LEARNERS = ['model', 'baselines'] as const;
type Learner = (typeof LEARNERS)[number];

/** Runs a command and returns the numbers of leaked rows that it warns of. */
async function warned(words: readonly string[]): Promise<Readonly<Partial<Record<Learner, number>>>> {
  const { code, stderr } = await attune(words, { cwd });
  assert.equal(code, 0, stderr);
  const counts: Partial<Record<Learner, number>> = {};
  for (const line of stderr.split('\n')) {
    const [seen, rows] = (line.match(/\d+/g) ?? []).map(Number);
    for (const learner of LEARNERS)
      if (line === `warning: ${printedNotice('rows-trained-on', { learner, seen, rows })}`)
        counts[learner] = seen;
  }
  return counts;
}

async function leaked(words: readonly string[]): Promise<number> {
  const { model = 0, ...others } = await warned(words);
  assert.deepEqual(others, {});
  return model;
}

describe('evaluation rows that the model was trained on', () => {
  it('are counted by attune train', async () => {
    assert.equal(
      await leaked(
        train('run', '--model', 'model', '--dataset', 'train.jsonl', '--eval-dataset', 'leaky.jsonl'),
      ),
      3,
    );
    assert.equal(
      await leaked(
        train('same', '--model', 'model', '--dataset', 'train.jsonl', '--eval-dataset', 'train.jsonl'),
      ),
      40,
    );
    assert.equal(
      await leaked(train('split', '--model', 'model', '--dataset', 'train.jsonl', '--test-size', '0.25')),
      0,
    );
  });

  it('are counted by attune evaluate, for a run and for its checkpoints', async () => {
    for (const model of ['run', 'run/checkpoint-1']) {
      assert.equal(await leaked(['evaluate', '--model', model]), 3);
      assert.equal(await leaked(['evaluate', '--model', model, '--dataset', 'train.jsonl']), 40);
      assert.equal(await leaked(['evaluate', '--model', model, '--dataset', 'clean.jsonl']), 0);
    }
    assert.equal(await leaked(['evaluate', '--model', 'split']), 0);
  });

  it('are counted by attune compare, for the model and for the baselines', async () => {
    assert.deepEqual(
      await warned([
        'compare',
        '--finetuned',
        'run',
        '--dataset',
        'more.jsonl',
        '--eval-dataset',
        'mixed.jsonl',
        '--output-dir',
        'c1',
      ]),
      { model: 3, baselines: 2 },
    );
    assert.equal(
      await leaked([
        'compare',
        '--model',
        'model',
        ...SETTINGS,
        '--dataset',
        'train.jsonl',
        '--eval-dataset',
        'leaky.jsonl',
        '--output-dir',
        'c2',
      ]),
      3,
    );
  });

  it('are counted if the model was trained further on other rows', async () => {
    assert.equal(
      await leaked(
        train('further', '--model', 'run', '--dataset', 'more.jsonl', '--eval-dataset', 'leaky.jsonl'),
      ),
      3,
    );
    assert.equal(await leaked(['evaluate', '--model', 'further', '--dataset', 'train.jsonl']), 40);
  });

  it('are counted if the run was resumed with other rows', async () => {
    cpSync(join(cwd, 'run'), join(cwd, 'resumed'), { recursive: true });
    const resumed = [
      'train',
      '--output-dir',
      'resumed',
      '--resume-from-checkpoint',
      'resumed/checkpoint-1',
      ...SETTINGS,
      '--model',
      'model',
      '--dataset',
      'more.jsonl',
      '--eval-dataset',
      'clean.jsonl',
      '--allow-changed-data',
    ];
    assert.equal(await leaked(resumed), 0);
    for (const dataset of ['train.jsonl', 'more.jsonl'])
      assert.equal(await leaked(['evaluate', '--model', 'resumed', '--dataset', dataset]), 40);
    // A checkpoint remembers what it was trained on itself, wherever it is.
    cpSync(join(cwd, 'resumed', 'checkpoint-1'), join(cwd, 'alone'), { recursive: true });
    assert.equal(await leaked(['evaluate', '--model', 'alone', '--dataset', 'train.jsonl']), 40);
    assert.equal(await leaked(['evaluate', '--model', 'alone', '--dataset', 'more.jsonl']), 0);
  });

  it('are not counted if attune_rows.json is missing', async () => {
    rmSync(join(cwd, 'same', 'attune_rows.json'));
    assert.equal(await leaked(['evaluate', '--model', 'same', '--dataset', 'train.jsonl']), 0);
  });
});
