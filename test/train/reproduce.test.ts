/** A run's manifest, and the run that is made again from it. Through the real command line. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ModelError } from '#attune/errors.js';
import { readManifest } from '#attune/train/manifest.js';
import { recordDifferences } from '#attune/train/reproduce.js';
import { writeByteModel } from '../support/byte-model.js';
import { attune, jsonLines, readJson, writeData } from '../support/cli.js';
import { workspace } from '../support/workspace.js';

const cwd = workspace(async (cwd) => {
  await writeByteModel(join(cwd, 'model'));
  writeData(join(cwd, 'data'));
  const { code, stderr } = await attune(['train', '--model', 'model', '--dataset', 'data', '--output-dir', 'run', '--max-steps', '6', '--logging-steps', '2', '--eval-strategy', 'epoch', '--save-strategy', 'no', '--learning-rate', '0.01', '--seed', '7', '--threads', '1'], { cwd });
  assert.equal(code, 0, stderr);
});

test('the manifest says what the run was made from', async () => {
  const manifest = await readManifest(join(cwd, 'run'));
  assert.equal(manifest.seed, 7);
  assert.equal(manifest.threads, 1);
  assert.match(manifest.device, /CPU, 1 thread/);
  assert.deepEqual(manifest.inputs, { model: 'model', dataset: 'data', textColumn: 'text', labelColumn: 'label', device: 'auto' });
  assert.equal(manifest.arguments['maxSteps'], 6);
  for (const hash of Object.values(manifest.hashes)) assert.match(String(hash), /^[0-9a-f]{64}$/);
  assert.equal(manifest.versions.node, process.versions.node);
});

test('a run is reproduced bit for bit, from any folder', async () => {
  const elsewhere = join(cwd, 'elsewhere');
  mkdirSync(elsewhere, { recursive: true });
  const { code, stdout, stderr } = await attune(['reproduce', '../run', '--output-dir', 'second', '--json'], { cwd: elsewhere });
  assert.equal(code, 0, stderr);
  const [result] = jsonLines(stdout);
  assert.deepEqual([result['type'], result['reproduced'], result['differences'], result['start']], ['reproduction', true, [], []]);
  assert.match(stderr, /7 records and \d+ tensors, all the same/);
  assert.ok(readFileSync(join(elsewhere, 'second', 'model.safetensors')).equals(readFileSync(join(cwd, 'run', 'model.safetensors'))));
  assert.deepEqual(readdirSync(join(cwd, 'run')).sort(), ['.attune-files.json', 'attune.json', 'attune_model.json', 'attune_rows.json', 'config.json', 'merges.txt', 'model.safetensors', 'runs', 'special_tokens_map.json', 'tokenizer_config.json', 'trainer_state.json', 'training_args.json', 'vocab.json']);
});

test('changed data are named before the training, the differences after it, and the exit status is 1', async () => {
  cpSync(join(cwd, 'run'), join(cwd, 'copy'), { recursive: true });
  const file = join(cwd, 'data', 'train.jsonl');
  const original = readFileSync(file, 'utf8');
  writeFileSync(file, original.replace('a fine day', 'a finer day'));
  const { code, stdout, stderr } = await attune(['reproduce', 'copy', '--json'], { cwd });
  writeFileSync(file, original);
  assert.equal(code, 1, stderr);
  assert.match(stderr, /warning: not as it was: the training rows \(texts, labels or their order\) are not those of the run/);
  assert.match(stderr, /Differences\n {2}step 2: (loss|grad_norm) was/);
  assert.match(stderr, /error: copy was not reproduced/);
  assert.match(stderr, /numbers differ, by up to/);
  const [result] = jsonLines(stdout);
  assert.equal(result['reproduced'], false);
  assert.ok((result['differences'] as string[]).length > 1);
});

test('weights that were changed after the run are a difference; data that moved can be named', async () => {
  cpSync(join(cwd, 'run'), join(cwd, 'tampered'), { recursive: true });
  const file = join(cwd, 'tampered', 'model.safetensors');
  const bytes = readFileSync(file);
  bytes[bytes.length - 3] ^= 1;
  writeFileSync(file, bytes);
  renameSync(join(cwd, 'data'), join(cwd, 'moved'));
  const lost = await attune(['reproduce', 'tampered'], { cwd });
  assert.equal(lost.code, 1);
  assert.match(lost.stderr, /error: data: no such file or folder/);
  const { code, stderr } = await attune(['reproduce', 'tampered', '--dataset', 'moved'], { cwd });
  renameSync(join(cwd, 'moved'), join(cwd, 'data'));
  assert.equal(code, 1, stderr);
  assert.match(stderr, /1 of \d+ numbers differ/);
  assert.match(stderr, /It began as it was/);
});

test('a run that went on from another run\u2019s checkpoint is reproduced from that checkpoint, or it is said why not', async () => {
  const words = ['--model', 'model', '--dataset', 'data', '--logging-steps', '2', '--learning-rate', '0.01', '--threads', '1', '--max-steps', '6'];
  const first = await attune(['train', ...words, '--output-dir', 'teacher', '--save-strategy', 'steps', '--save-steps', '3'], { cwd });
  assert.equal(first.code, 0, first.stderr);
  const resumed = await attune(['train', ...words, '--output-dir', 'pupil', '--save-strategy', 'steps', '--save-steps', '5', '--resume-from-checkpoint', 'teacher/checkpoint-3'], { cwd });
  assert.equal(resumed.code, 0, resumed.stderr);
  // And once more from its own: what it began with stays known.
  const again = await attune(['train', ...words, '--output-dir', 'pupil', '--save-strategy', 'steps', '--save-steps', '5', '--resume-from-checkpoint'], { cwd });
  assert.equal(again.code, 0, again.stderr);
  const manifest = await readManifest(join(cwd, 'pupil'));
  assert.equal(manifest.startedFrom?.path, 'teacher/checkpoint-3');
  assert.equal(manifest.changedOnResume, undefined);
  const same = await attune(['reproduce', 'pupil'], { cwd });
  assert.equal(same.code, 0, same.stderr);
  assert.match(same.stderr, /going on from|reproduced, bit for bit/);
  const twice = await attune(['reproduce', 'pupil'], { cwd });
  assert.deepEqual([twice.code, /pupil-reproduced already holds a run/.test(twice.stderr)], [2, true], twice.stderr);
  const overwritten = await attune(['reproduce', 'pupil', '--overwrite-output-dir'], { cwd });
  assert.equal(overwritten.code, 0, overwritten.stderr);

  const state = join(cwd, 'teacher', 'checkpoint-3', 'optimizer.safetensors');
  const bytes = readFileSync(state);
  writeFileSync(state, bytes.subarray(1));
  const changed = await attune(['reproduce', 'pupil', '--overwrite-output-dir'], { cwd });
  assert.deepEqual([changed.code, /went on from a checkpoint of another run, .*checkpoint-3, whose files are others now/.test(changed.stderr)], [1, true], changed.stderr);
  rmSync(join(cwd, 'teacher'), { recursive: true });
  const gone = await attune(['reproduce', 'pupil', '--overwrite-output-dir'], { cwd });
  assert.deepEqual([gone.code, /checkpoint-3, which is not there any more/.test(gone.stderr)], [1, true], gone.stderr);
});

test('a run that went on with other arguments says so', async () => {
  const words = ['--model', 'model', '--dataset', 'data', '--logging-steps', '1', '--threads', '1', '--max-steps', '4', '--save-strategy', 'steps', '--save-steps', '2', '--output-dir', 'changed'];
  for (const more of [['--learning-rate', '0.01'], ['--learning-rate', '0.02', '--resume-from-checkpoint', 'changed/checkpoint-2', '--logging-steps', '1']]) {
    const { code, stderr } = await attune(['train', ...words, ...more], { cwd });
    assert.equal(code, 0, stderr);
  }
  const { code, stderr } = await attune(['reproduce', 'changed'], { cwd });
  assert.equal(code, 1, stderr);
  assert.match(stderr, /not as it was: the run went on from its own checkpoint with something changed, which a run from the beginning cannot repeat: learningRate was 0\.01, then 0\.02/);
});

test('what is no finished run is refused', async () => {
  mkdirSync(join(cwd, 'unfinished'));
  await assert.rejects(readManifest(join(cwd, 'unfinished')), ModelError);
  cpSync(join(cwd, 'run', 'attune.json'), join(cwd, 'unfinished', 'attune.json'));
  const unfinished = await attune(['reproduce', 'unfinished'], { cwd });
  assert.deepEqual([unfinished.code, /holds no finished run/.test(unfinished.stderr)], [1, true], unfinished.stderr);
  const itself = await attune(['reproduce', 'run', '--output-dir', 'run/'], { cwd });
  assert.equal(itself.code, 2, itself.stderr);
  const none = await attune(['reproduce'], { cwd });
  assert.equal(none.code, 2, none.stderr);
  const manifest = readJson(join(cwd, 'run', 'attune.json'));
  for (const [changes, message] of [[{ format: 9 }, /has the format 9/], [{ cwd: 1 }, /is damaged/], [{ arguments: { seed: 'x' } }, /seed must be a whole number/], [{ arguments: { sed: 1 } }, /sed is not an argument/], [{ hub: [{ type: 'model', id: '../x', revision: 'main', commit: 'a'.repeat(40) }] }, /is damaged/], [{ startedFrom: { path: 3 } }, /is damaged/], [{ changedOnResume: 'x' }, /is damaged/]] as const) {
    writeFileSync(join(cwd, 'unfinished', 'attune.json'), JSON.stringify({ ...manifest, ...changes }));
    await assert.rejects(readManifest(join(cwd, 'unfinished')), message);
  }
});

test('differences of records name step, key and both values; times are no difference', () => {
  const train = { loss: 1, grad_norm: 2, learning_rate: 0.1, epoch: 1, step: 3 };
  const final = { train_runtime: 1, train_samples_per_second: 2, train_steps_per_second: 3, total_flos: 4, train_loss: 5, epoch: 1, step: 3 };
  assert.deepEqual(recordDifferences([train, final], [train, { ...final, train_runtime: 9, train_samples_per_second: 8 }]), []);
  assert.deepEqual(recordDifferences([train, final], [{ ...train, loss: 1.5 }]), ['2 records then, 1 now', 'step 3: loss was 1, is 1.5']);
});
