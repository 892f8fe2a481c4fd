/**
 * The manifest of a run, and the run made again from it by the real command line. Runs that were resumed are in
 * reproduce.slow.test.ts.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { COMMAND_LINE } from '#attune/cli/shell.js';
import { ModelError } from '#attune/errors/attune-error.js';
import type { ErrorCode } from '#attune/errors/catalogue.js';
import { errorHint } from '#attune/errors/shell.js';
import type { Facts } from '#attune/errors/wording.js';
import { readManifest } from '#attune/train/manifest.js';
import type { LogRecord } from '#attune/train/records.js';
import { recordDifferences, tensorDifference } from '#attune/train/reproduce.js';
import { writeByteModel } from '../support/byte-model.js';
import { attune, jsonLines, readJson, writeData } from '../support/cli.js';
import { printed, refusal } from '../support/refusal.js';
import { workspace } from '../support/workspace.js';
import { FINISHED_RUN } from '../support/folder-contents.js';

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

describe('readManifest', () => {
  it('has the seed, inputs, arguments, hashes and versions of the run', async () => {
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
    assert.deepEqual(Object.keys(manifest.hashes), ['weights', 'trainData', 'trainTokens', 'evalData']);
    for (const hash of Object.values(manifest.hashes)) assert.match(String(hash), /^[0-9a-f]{64}$/);
    assert.equal(manifest.versions.node, process.versions.node);
  });

  it('refuses a folder without a manifest', async () => {
    mkdirSync(join(cwd, 'empty'));
    const file = join(cwd, 'empty', 'attune.json');
    await assert.rejects(
      readManifest(join(cwd, 'empty')),
      refusal(ModelError, 'manifest-unreadable', { file }),
    );
  });

  it('refuses a manifest that is damaged or of a later version', async () => {
    const manifest = readJson(join(cwd, 'run', 'attune.json'));
    mkdirSync(join(cwd, 'damaged'));
    const file = join(cwd, 'damaged', 'attune.json');
    const damaged = refusal(ModelError, 'manifest-damaged', { file });
    const invalid =
      (code: ErrorCode, facts: Facts) =>
      (error: unknown): true => {
        refusal(ModelError, 'manifest-arguments-invalid', { file })(error);
        const inner = (error as ModelError).facts['error'] as { code: string; facts: Facts };
        const found = Object.keys(facts).map((name) => [name, inner.facts[name]]);
        assert.deepEqual([inner.code, Object.fromEntries(found)], [code, facts]);
        return true;
      };
    for (const [changes, error] of [
      [{ format: 9 }, refusal(ModelError, 'manifest-format', { file, found: 9, known: 1 })],
      [{ cwd: 1 }, damaged],
      [{ arguments: { seed: 'x' } }, invalid('argument-invalid', { argument: 'seed', given: 'x' })],
      [{ arguments: { sed: 1 } }, invalid('argument-unknown', { argument: 'sed' })],
      [{ hub: [{ type: 'model', id: '../x', revision: 'main', commit: 'a'.repeat(40) }] }, damaged],
      [{ startedFrom: { path: 3 } }, damaged],
      [{ changedOnResume: 'x' }, damaged],
    ] as const) {
      writeFileSync(file, JSON.stringify({ ...manifest, ...changes }));
      await assert.rejects(readManifest(join(cwd, 'damaged')), error);
    }
    for (const [text, code] of [
      ['{', 'manifest-not-json'],
      ['[]', 'manifest-foreign'],
    ] as const) {
      writeFileSync(file, text);
      await assert.rejects(readManifest(join(cwd, 'damaged')), refusal(ModelError, code, { file }));
    }
  });
});

describe('attune reproduce', () => {
  it('reproduces a run bit for bit from another folder', async () => {
    const elsewhere = join(cwd, 'elsewhere');
    mkdirSync(elsewhere, { recursive: true });
    const { code, stdout, stderr } = await attune(
      ['reproduce', '../run', '--output-dir', 'second', '--json'],
      {
        cwd: elsewhere,
      },
    );
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
    assert.deepEqual(readdirSync(join(cwd, 'run')).sort(), FINISHED_RUN);
  });

  it('reports changed data before training and the differences after it, and exits with 1', async () => {
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
    const failure = printed('run-not-reproduced', { folder: 'copy', startDiffers: true });
    assert.ok(stderr.includes(`error: ${failure}`), stderr);
    assert.match(stderr, /numbers differ, by up to/);
    const [result] = jsonLines(stdout);
    assert.equal(result['reproduced'], false);
    assert.ok((result['differences'] as string[]).length > 1);
  });

  it('reports weights that were changed after the run, and finds moved data by --dataset', async () => {
    cpSync(join(cwd, 'run'), join(cwd, 'tampered'), { recursive: true });
    const file = join(cwd, 'tampered', 'model.safetensors');
    const bytes = readFileSync(file);
    bytes[bytes.length - 3] ^= 1;
    writeFileSync(file, bytes);
    renameSync(join(cwd, 'data'), join(cwd, 'moved'));
    const lost = await attune(['reproduce', 'tampered'], { cwd });
    assert.equal(lost.code, 1);
    const lostData = printed('dataset-not-found', { dataset: 'data', readable: [] });
    assert.ok(lost.stderr.includes(`error: ${lostData}`), lost.stderr);
    const { code, stderr } = await attune(['reproduce', 'tampered', '--dataset', 'moved'], { cwd });
    renameSync(join(cwd, 'moved'), join(cwd, 'data'));
    assert.equal(code, 1, stderr);
    assert.match(stderr, /1 of \d+ numbers differ/);
    const error = { code: 'run-not-reproduced', facts: { folder: 'tampered', startDiffers: false } } as const;
    assert.ok(stderr.includes(errorHint(error, COMMAND_LINE)), stderr);
  });

  it('refuses a run that is not finished', async () => {
    mkdirSync(join(cwd, 'unfinished'));
    cpSync(join(cwd, 'run', 'attune.json'), join(cwd, 'unfinished', 'attune.json'));
    const { code, stderr } = await attune(['reproduce', 'unfinished'], { cwd });
    assert.equal(code, 1, stderr);
    assert.ok(stderr.includes(printed('run-unfinished', { dir: 'unfinished' })), stderr);
  });

  it('refuses the folder of the run itself as the output folder', async () => {
    const { code, stderr } = await attune(['reproduce', 'run', '--output-dir', 'run/'], { cwd });
    assert.equal(code, 2, stderr);
  });

  it('refuses a command line without a run', async () => {
    const { code, stderr } = await attune(['reproduce'], { cwd });
    assert.equal(code, 2, stderr);
  });
});

describe('recordDifferences', () => {
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

  it('ignores times', () => {
    assert.deepEqual(
      recordDifferences([train, final], [train, { ...final, train_runtime: 9, train_samples_per_second: 8 }]),
      [],
    );
  });

  it('reports step, key and both values, and another number of entries', () => {
    assert.deepEqual(recordDifferences([train, final], [{ ...train, loss: 1.5 }]), [
      '2 records then, 1 now',
      'step 3: loss was 1, is 1.5',
    ]);
  });

  it('reports a key that an entry lacks as undefined, even if every object has that property', () => {
    const before = JSON.parse('{"loss": 1, "constructor": 2, "__proto__": 3, "step": 4}') as LogRecord;
    const after = JSON.parse('{"loss": 1, "step": 4}') as LogRecord;
    assert.deepEqual(recordDifferences([before], [after]), [
      'step 4: constructor was 2, is undefined',
      'step 4: __proto__ was 3, is undefined',
    ]);
  });
});

describe('tensorDifference', () => {
  it('is undefined for the same bits', () => {
    assert.equal(tensorDifference(Float32Array.of(1, NaN), Float32Array.of(1, NaN)), undefined);
  });

  it('counts the numbers that differ and reports the largest difference', () => {
    assert.equal(
      tensorDifference(Float32Array.of(1, 2, 3), Float32Array.of(1, 2.5, 2)),
      '2 of 3 numbers differ, by up to 1.00e+0',
    );
  });

  it('reports another length', () => {
    assert.equal(tensorDifference(new Float32Array(769), new Float32Array(768)), '769 numbers then, 768 now');
    assert.equal(tensorDifference(new Float32Array(4), new Float32Array(768)), '4 numbers then, 768 now');
  });
});
