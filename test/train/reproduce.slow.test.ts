/** Runs that went on from a checkpoint, reproduced through the real command line. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readManifest } from '#attune/train/manifest.js';
import { writeByteModel } from '../support/byte-model.js';
import { attune } from '../support/cli.js';
import { modelAndData } from '../support/workspace.js';
import { pattern } from '../support/pattern.js';

const cwd = modelAndData(writeByteModel);

test('a run that resumed another run’s checkpoint is reproduced from there, or says why not', async () => {
  const words = [
    '--model',
    'model',
    '--dataset',
    'data',
    '--logging-steps',
    '2',
    '--learning-rate',
    '0.01',
    '--threads',
    '1',
    '--max-steps',
    '6',
  ];
  const first = await attune(
    ['train', ...words, '--output-dir', 'teacher', '--save-strategy', 'steps', '--save-steps', '3'],
    { cwd },
  );
  assert.equal(first.code, 0, first.stderr);
  const resumed = await attune(
    [
      'train',
      ...words,
      '--output-dir',
      'pupil',
      '--save-strategy',
      'steps',
      '--save-steps',
      '5',
      '--resume-from-checkpoint',
      'teacher/checkpoint-3',
    ],
    { cwd },
  );
  assert.equal(resumed.code, 0, resumed.stderr);
  // And once more from its own: what it began with stays known.
  const again = await attune(
    [
      'train',
      ...words,
      '--output-dir',
      'pupil',
      '--save-strategy',
      'steps',
      '--save-steps',
      '5',
      '--resume-from-checkpoint',
    ],
    { cwd },
  );
  assert.equal(again.code, 0, again.stderr);
  const manifest = await readManifest(join(cwd, 'pupil'));
  assert.equal(manifest.startedFrom?.path, 'teacher/checkpoint-3');
  assert.equal(manifest.changedOnResume, undefined);
  const same = await attune(['reproduce', 'pupil'], { cwd });
  assert.equal(same.code, 0, same.stderr);
  assert.match(same.stderr, /going on from|reproduced, bit for bit/);
  const twice = await attune(['reproduce', 'pupil'], { cwd });
  assert.deepEqual(
    [twice.code, /pupil-reproduced already holds a run/.test(twice.stderr)],
    [2, true],
    twice.stderr,
  );
  const overwritten = await attune(['reproduce', 'pupil', '--overwrite-output-dir'], { cwd });
  assert.equal(overwritten.code, 0, overwritten.stderr);

  const state = join(cwd, 'teacher', 'checkpoint-3', 'optimizer.safetensors');
  const bytes = readFileSync(state);
  writeFileSync(state, bytes.subarray(1));
  const changed = await attune(['reproduce', 'pupil', '--overwrite-output-dir'], { cwd });
  assert.deepEqual(
    [
      changed.code,
      /went on from a checkpoint of another run, .*checkpoint-3, whose files are others now/.test(
        changed.stderr,
      ),
    ],
    [1, true],
    changed.stderr,
  );
  rmSync(join(cwd, 'teacher'), { recursive: true });
  const gone = await attune(['reproduce', 'pupil', '--overwrite-output-dir'], { cwd });
  assert.deepEqual(
    [gone.code, /checkpoint-3, which is not there any more/.test(gone.stderr)],
    [1, true],
    gone.stderr,
  );
});

test('a run that went on with other arguments says so', async () => {
  const words = [
    '--model',
    'model',
    '--dataset',
    'data',
    '--logging-steps',
    '1',
    '--threads',
    '1',
    '--max-steps',
    '4',
    '--save-strategy',
    'steps',
    '--save-steps',
    '2',
    '--output-dir',
    'changed',
  ];
  for (const more of [
    ['--learning-rate', '0.01'],
    ['--learning-rate', '0.02', '--resume-from-checkpoint', 'changed/checkpoint-2', '--logging-steps', '1'],
  ]) {
    const { code, stderr } = await attune(['train', ...words, ...more], { cwd });
    assert.equal(code, 0, stderr);
  }
  const { code, stderr } = await attune(['reproduce', 'changed'], { cwd });
  assert.equal(code, 1, stderr);
  assert.match(
    stderr,
    pattern(
      /not as it was: the run went on from its own checkpoint with something changed, /,
      /which a run from the beginning cannot repeat: learningRate was 0\.01, then 0\.02/,
    ),
  );
});
