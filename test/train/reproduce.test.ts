/**
 * A run's manifest, and the run that is made again from it. Through the real command line. Runs that went on
 * from checkpoints: reproduce.slow.test.ts.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
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
  const { code, stderr } = await attune(
    [
      'train',
      '--model',
      'model',
      '--dataset',
      'data',
      '--output-dir',
      'run',
      '--max-steps',
      '6',
      '--logging-steps',
      '2',
      '--eval-strategy',
      'epoch',
      '--save-strategy',
      'no',
      '--learning-rate',
      '0.01',
      '--seed',
      '7',
      '--threads',
      '1',
    ],
    { cwd },
  );
  assert.equal(code, 0, stderr);
});

test('the manifest says what the run was made from', async () => {
  const manifest = await readManifest(join(cwd, 'run'));
  assert.equal(manifest.seed, 7);
  assert.equal(manifest.threads, 1);
  assert.match(manifest.device, /CPU, 1 thread/);
  assert.deepEqual(manifest.inputs, {
    model: 'model',
    dataset: 'data',
    evalSplit: 'test',
    textColumn: 'text',
    labelColumn: 'label',
    device: 'auto',
  });
  assert.equal(manifest.arguments['maxSteps'], 6);
  for (const hash of Object.values(manifest.hashes)) assert.match(String(hash), /^[0-9a-f]{64}$/);
  assert.equal(manifest.versions.node, process.versions.node);
});

test('a run is reproduced bit for bit, from any folder', async () => {
  const elsewhere = join(cwd, 'elsewhere');
  mkdirSync(elsewhere, { recursive: true });
  const { code, stdout, stderr } = await attune(['reproduce', '../run', '--output-dir', 'second', '--json'], {
    cwd: elsewhere,
  });
  assert.equal(code, 0, stderr);
  const [result] = jsonLines(stdout);
  assert.deepEqual(
    [result['type'], result['reproduced'], result['differences'], result['start']],
    ['reproduction', true, [], []],
  );
  assert.match(stderr, /7 records and \d+ tensors, all the same/);
  assert.ok(
    readFileSync(join(elsewhere, 'second', 'model.safetensors')).equals(
      readFileSync(join(cwd, 'run', 'model.safetensors')),
    ),
  );
  assert.deepEqual(readdirSync(join(cwd, 'run')).sort(), [
    '.attune-files.json',
    'attune.json',
    'attune_model.json',
    'attune_rows.json',
    'config.json',
    'merges.txt',
    'model.safetensors',
    'runs',
    'special_tokens_map.json',
    'tokenizer_config.json',
    'trainer_state.json',
    'training_args.json',
    'vocab.json',
  ]);
});

test('changed data are named before the training, the differences after it, and the exit status is 1', async () => {
  cpSync(join(cwd, 'run'), join(cwd, 'copy'), { recursive: true });
  const file = join(cwd, 'data', 'train.jsonl');
  const original = readFileSync(file, 'utf8');
  writeFileSync(file, original.replace('a fine day', 'a finer day'));
  const { code, stdout, stderr } = await attune(['reproduce', 'copy', '--json'], { cwd });
  writeFileSync(file, original);
  assert.equal(code, 1, stderr);
  assert.match(
    stderr,
    /warning: not as it was: the training rows \(texts, labels or their order\) are not those of the run/,
  );
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

test('what is no finished run is refused', async () => {
  mkdirSync(join(cwd, 'unfinished'));
  await assert.rejects(readManifest(join(cwd, 'unfinished')), ModelError);
  cpSync(join(cwd, 'run', 'attune.json'), join(cwd, 'unfinished', 'attune.json'));
  const unfinished = await attune(['reproduce', 'unfinished'], { cwd });
  assert.deepEqual(
    [unfinished.code, /holds no finished run/.test(unfinished.stderr)],
    [1, true],
    unfinished.stderr,
  );
  const itself = await attune(['reproduce', 'run', '--output-dir', 'run/'], { cwd });
  assert.equal(itself.code, 2, itself.stderr);
  const none = await attune(['reproduce'], { cwd });
  assert.equal(none.code, 2, none.stderr);
  const manifest = readJson(join(cwd, 'run', 'attune.json'));
  for (const [changes, message] of [
    [{ format: 9 }, /has the format 9/],
    [{ cwd: 1 }, /is damaged/],
    [{ arguments: { seed: 'x' } }, /seed must be a whole number/],
    [{ arguments: { sed: 1 } }, /sed is not an argument/],
    [{ hub: [{ type: 'model', id: '../x', revision: 'main', commit: 'a'.repeat(40) }] }, /is damaged/],
    [{ startedFrom: { path: 3 } }, /is damaged/],
    [{ changedOnResume: 'x' }, /is damaged/],
  ] as const) {
    writeFileSync(join(cwd, 'unfinished', 'attune.json'), JSON.stringify({ ...manifest, ...changes }));
    await assert.rejects(readManifest(join(cwd, 'unfinished')), message);
  }
});

test('differences of records name step, key and both values; times are no difference', () => {
  const train = { loss: 1, grad_norm: 2, learning_rate: 0.1, epoch: 1, step: 3 };
  const final = {
    train_runtime: 1,
    train_samples_per_second: 2,
    train_steps_per_second: 3,
    total_flos: 4,
    train_loss: 5,
    epoch: 1,
    step: 3,
  };
  assert.deepEqual(
    recordDifferences([train, final], [train, { ...final, train_runtime: 9, train_samples_per_second: 8 }]),
    [],
  );
  assert.deepEqual(recordDifferences([train, final], [{ ...train, loss: 1.5 }]), [
    '2 records then, 1 now',
    'step 3: loss was 1, is 1.5',
  ]);
});
