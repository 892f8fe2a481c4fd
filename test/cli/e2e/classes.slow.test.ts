/** Classes are matched by name if model and data number the same names differently. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { writeByteModel } from '../../support/byte-model.js';
import { attune, jsonLines, readJson, toJsonl } from '../../support/cli.js';
import { evaluated, trained, writeTrainingData } from '../../support/trainings.js';
import { workspace } from '../../support/workspace.js';

const cwd = workspace(async (dir) => {
  await writeByteModel(join(dir, 'model'));
  writeTrainingData(dir);
  writeFileSync(
    join(dir, 'other.jsonl'),
    toJsonl([
      { text: 'a', label: 'happy' },
      { text: 'b', label: 'sad' },
    ]),
  );
  writeFileSync(
    join(dir, 'partly.jsonl'),
    toJsonl([
      { text: 'a', label: 'good' },
      { text: 'b', label: 'great' },
    ]),
  );
  writeFileSync(
    join(dir, 'numbers.jsonl'),
    toJsonl([
      { text: 'a', label: 0 },
      { text: 'b', label: 1 },
    ]),
  );
});

const further = async (
  dataset: string,
  output: string,
): Promise<{ readonly names: unknown; readonly stderr: string; readonly metrics: unknown }> => {
  const line = [
    'train',
    '--model',
    'run',
    '--dataset',
    dataset,
    '--output-dir',
    output,
    '--max-steps',
    '1',
    '--learning-rate',
    '0',
    '--save-strategy',
    'no',
    '--threads',
    '1',
    '--json',
  ];
  const { code, stdout, stderr } = await attune(line, { cwd });
  assert.equal(code, 0, stderr);
  return {
    names: readJson(join(cwd, output, 'config.json'))['id2label'],
    stderr,
    metrics: jsonLines(stdout).find(({ type }) => type === 'result')?.['confusion'],
  };
};

describe('a classifier whose data numbers its classes differently', () => {
  it('is evaluated and trained further by the names of the classes', async () => {
    const { metrics } = await trained(cwd, { words: ['--dataset', 'numbered'] }, 'run');
    assert.deepEqual(await evaluated(cwd, 'run', 'turned'), metrics);
    const before = await attune(['evaluate', '--model', 'run', '--json'], { cwd });
    const after = await further('turned', 'turned-further');
    assert.deepEqual(after.names, { 0: 'bad', 1: 'good' });
    assert.deepEqual(
      after.metrics,
      jsonLines(before.stdout)[0]['confusion'],
      'the head’s rows stand for other classes',
    );
    assert.match(after.stderr, /classes are taken by their names: the data’s 0 \("good"\) is the model’s 1/);
  });

  it('keeps its names if the data has only numbers', async () => {
    assert.deepEqual((await further('numbers.jsonl', 'numbers-further')).names, { 0: 'bad', 1: 'good' });
  });

  it('takes over other names with a warning', async () => {
    const replaced = await further('other.jsonl', 'other-further');
    assert.deepEqual(replaced.names, { 0: 'happy', 1: 'sad' });
    assert.match(
      replaced.stderr,
      /warning: the model’s classes "bad", "good" are called "happy", "sad" from now on/,
    );
  });

  it('refuses data that has only some of its names', async () => {
    const { code, stderr } = await attune(
      ['train', '--model', 'run', '--dataset', 'partly.jsonl', '--output-dir', 'refused', '--max-steps', '1'],
      { cwd },
    );
    assert.equal(code, 1, stderr);
    assert.match(stderr, /unknown label "great"; the classes are "bad", "good"/);
  });

  it('refuses to be evaluated on data that gives its numbers other names', async () => {
    const { code, stderr } = await attune(['evaluate', '--model', 'run', '--dataset', 'sample'], { cwd });
    assert.equal(code, 1, stderr);
    assert.match(stderr, /class \d is called "(negative|positive)", but "(bad|good)" in the model/);
  });
});
