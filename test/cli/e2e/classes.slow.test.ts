/** Classes are matched by name if model and data number the same names differently. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { writeByteModel } from '../../support/byte-model.js';
import { attune, jsonLines, readJson, toJsonl } from '../../support/cli.js';
import { printed, printedNotice } from '../../support/refusal.js';
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
    const taken = printedNotice('classes-taken-by-name', { inData: 0, name: 'good', inModel: 1 });
    assert.ok(after.stderr.includes(`${taken}\n`), after.stderr);
  });

  it('keeps its names if the data has only numbers', async () => {
    assert.deepEqual((await further('numbers.jsonl', 'numbers-further')).names, { 0: 'bad', 1: 'good' });
  });

  it('takes over other names with a warning', async () => {
    const replaced = await further('other.jsonl', 'other-further');
    assert.deepEqual(replaced.names, { 0: 'happy', 1: 'sad' });
    const renamed = printedNotice('classes-renamed', { from: ['bad', 'good'], to: ['happy', 'sad'] });
    assert.ok(replaced.stderr.includes(`warning: ${renamed}\n`), replaced.stderr);
  });

  it('refuses data that has only some of its names', async () => {
    const { code, stderr } = await attune(
      ['train', '--model', 'run', '--dataset', 'partly.jsonl', '--output-dir', 'refused', '--max-steps', '1'],
      { cwd },
    );
    assert.equal(code, 1, stderr);
    const refused = printed('class-unknown-to-model', {
      place: { file: 'partly.jsonl', line: 2 },
      name: 'great',
      modelClasses: ['bad', 'good'],
      shared: ['good'],
      use: 'train',
    });
    assert.ok(stderr.includes(`error: ${refused}\n`), stderr);
  });

  it('refuses to be evaluated on data that gives its numbers other names', async () => {
    const { code, stderr } = await attune(['evaluate', '--model', 'run', '--dataset', 'sample'], { cwd });
    assert.equal(code, 1, stderr);
    const refused = printed('class-with-two-names', {
      file: 'the bundled sample',
      row: 1,
      label: 0,
      name: 'negative',
      other: { name: 'bad', place: 'model' },
    });
    assert.ok(stderr.includes(`error: ${refused}\n`), stderr);
  });
});
