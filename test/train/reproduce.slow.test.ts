/** Runs that were resumed from a checkpoint, reproduced by the real command line. */
import assert from 'node:assert/strict';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { before, describe, it } from 'node:test';
import { readManifest } from '#attune/train/manifest.js';
import { writeByteModel } from '../support/byte-model.js';
import { attune } from '../support/cli.js';
import { printed } from '../support/refusal.js';
import { modelAndData } from '../support/workspace.js';
import { pattern } from '../support/pattern.js';

const cwd = modelAndData(writeByteModel);

/** A finished `attune train` of 6 steps. */
async function train(...more: readonly string[]): Promise<void> {
  const words = ['--model', 'model', '--dataset', 'data', '--logging-steps', '2', '--threads', '1'];
  const run = ['--learning-rate', '0.01', '--max-steps', '6', '--save-strategy', 'steps'];
  const { code, stderr } = await attune(['train', ...words, ...run, ...more], { cwd });
  assert.equal(code, 0, stderr);
}

describe('attune reproduce after resuming another run', () => {
  const checkpoint = join(cwd, 'teacher', 'checkpoint-3');
  const reproduce = (...words: readonly string[]) => attune(['reproduce', 'pupil', ...words], { cwd });

  before(async () => {
    await train('--output-dir', 'teacher', '--save-steps', '3');
    const pupil = ['--output-dir', 'pupil', '--save-steps', '5', '--resume-from-checkpoint'];
    await train(...pupil, 'teacher/checkpoint-3');
    // Once more, from its own checkpoint: what it began with must not be lost.
    await train(...pupil);
  });

  it('has the checkpoint in its manifest, even after it was resumed again', async () => {
    const manifest = await readManifest(join(cwd, 'pupil'));
    assert.equal(manifest.startedFrom?.path, 'teacher/checkpoint-3');
    assert.equal(manifest.changedOnResume, undefined);
  });

  it('starts from that checkpoint and gives the same bits', async () => {
    const { code, stderr } = await reproduce('--output-dir', 'same');
    assert.equal(code, 0, stderr);
    assert.match(stderr, /reproduced, bit for bit/);
    const { startedFrom } = await readManifest(join(cwd, 'same'));
    assert.equal(resolve(cwd, startedFrom!.path), checkpoint);
  });

  it('refuses an output folder with a run unless it may overwrite it', async () => {
    const first = await reproduce();
    assert.equal(first.code, 0, first.stderr);
    const second = await reproduce();
    assert.equal(second.code, 2, second.stderr);
    const refused = { dir: 'pupil-reproduced', made: ['attune.json'], resumable: false };
    assert.ok(second.stderr.includes(printed('output-dir-holds-run', refused)), second.stderr);
    const third = await reproduce('--overwrite-output-dir');
    assert.equal(third.code, 0, third.stderr);
  });

  it('refuses if a file of the checkpoint has changed', async () => {
    const file = join(checkpoint, 'optimizer.safetensors');
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.subarray(1));
    const { code, stderr } = await reproduce('--output-dir', 'changed-checkpoint');
    writeFileSync(file, bytes);
    assert.equal(code, 1, stderr);
    assert.ok(stderr.includes(printed('run-origin-changed', { dir: 'pupil', checkpoint })), stderr);
  });

  it('refuses if the checkpoint is gone', async () => {
    renameSync(join(cwd, 'teacher'), join(cwd, 'moved'));
    const { code, stderr } = await reproduce('--output-dir', 'no-checkpoint');
    renameSync(join(cwd, 'moved'), join(cwd, 'teacher'));
    assert.equal(code, 1, stderr);
    assert.ok(stderr.includes(printed('run-origin-missing', { dir: 'pupil', checkpoint })), stderr);
  });
});

describe('attune reproduce after resuming the same run', () => {
  it('reports the arguments that were changed when the run was resumed', async () => {
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
    const failed = printed('run-not-reproduced', { folder: 'changed', startDiffers: true });
    assert.ok(stderr.includes(`error: ${failed}\n`), stderr);
  });
});
