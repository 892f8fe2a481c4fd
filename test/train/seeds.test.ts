import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { InterruptedError, ModelError, UsageError } from '#attune/errors.js';
import { resolveArguments } from '#attune/train/arguments.js';
import type { TrainingArguments, TrainingArgumentsInput } from '#attune/train/arguments.js';
import { fineTune } from '#attune/train/fine-tune.js';
import { MANIFEST_FILE, readManifest } from '#attune/train/manifest.js';
import { readMemory } from '#attune/train/model-memory.js';
import { planSeeds, trainOtherSeeds } from '#attune/train/seeds.js';
import type { SeedRun, SeedsOptions } from '#attune/train/seeds.js';
import { writeByteModel } from '../support/byte-model.js';
import { toJsonl } from '../support/cli.js';
import { sentences } from '../support/sentences.js';
import { workspace } from '../support/workspace.js';

const STEPS = 6;

// The held-out rows are drawn by the seed of the run.
const cwd = workspace(async (cwd) => {
  await writeByteModel(join(cwd, 'model'));
  writeFileSync(join(cwd, 'rows.jsonl'), toJsonl(sentences(40, 3, { classes: 2 })));
  await train('run', { seed: 7 });
});
const at = (...names: string[]): string => join(cwd, ...names);
const weights = (name: string): Buffer => readFileSync(at(name, 'model.safetensors'));
const seed = (value: number, name = `run-seed-${value}`): SeedRun => ({ seed: value, folder: at(name) });

function args(name: string, given: TrainingArgumentsInput = {}): TrainingArguments {
  return resolveArguments({ outputDir: at(name), seed: 7, maxSteps: STEPS, loggingSteps: 2, saveSteps: 2, learningRate: 0.01, ...given });
}

async function train(name: string, given: TrainingArgumentsInput, splitSeed?: number): Promise<void> {
  await fineTune({ model: at('model'), dataset: at('rows.jsonl'), testSize: 10, threads: 1, splitSeed, args: args(name, given) });
}

function again(other: SeedRun, options: SeedsOptions = {}): Promise<void> {
  return trainOtherSeeds(at('run'), [other], options);
}

/** An interruption after the second step, whose checkpoint is saved. */
async function interrupt(other: SeedRun): Promise<void> {
  const stop = new AbortController();
  const callbacks = () => [{ onStep: (step: number) => void (step === 2 && stop.abort(new InterruptedError('enough'))) }];
  await assert.rejects(again(other, { callbacks, signal: stop.signal }), InterruptedError);
  assert.ok(!existsSync(join(other.folder, 'model.safetensors')));
}

describe('planSeeds', () => {
  const refused = (what: TrainingArguments, message: RegExp, finetuned?: string, seeds = 3): Promise<void> =>
    assert.rejects(planSeeds(seeds, what, finetuned), (error) => (error instanceof UsageError || error instanceof ModelError) && message.test(error.message));

  it('names the folders beside that of the run, and makes nothing', async () => {
    assert.deepEqual(await planSeeds(3, args('new')), [seed(8, 'new-seed-8'), seed(9, 'new-seed-9')]);
    assert.deepEqual(await planSeeds(2, { ...args('new'), outputDir: `${at('new')}/` }), [seed(8, 'new-seed-8')]);
    assert.deepEqual(await planSeeds(1, args('new')), []);
    assert.deepEqual(await planSeeds(2, args('elsewhere', { seed: 42 }), at('run')), [seed(8, 'elsewhere-seed-8')]);
    assert.ok(!existsSync(at('new')) && !existsSync(at('new-seed-8')));
  });

  it('refuses seeds that do not exist', async () => {
    for (const seeds of [0, -1, 1.5, NaN]) await refused(args('new'), /whole number from 1/, undefined, seeds);
    await refused(args('new', { seed: 2 ** 32 - 2 }), /seed/);
    assert.equal((await planSeeds(2, args('new', { seed: 2 ** 32 - 2 }))).length, 1);
  });

  it('refuses a folder with another run or with what attune did not make', async () => {
    mkdirSync(at('mine-seed-9'));
    writeFileSync(at('mine-seed-9', 'config.json'), '{}');
    await refused(args('mine'), /mine-seed-9 holds config\.json, which attune did not make/);
    await refused(args('mine', { overwriteOutputDir: true }), /did not make/);
    cpSync(at('run'), at('taken-seed-8'), { recursive: true });
    await refused(args('taken'), /taken-seed-8 already holds a run/);
    assert.equal((await planSeeds(3, args('taken', { overwriteOutputDir: true }))).length, 2);
    assert.equal((await planSeeds(3, args('taken'), at('run'))).length, 2);
    assert.ok(existsSync(at('taken-seed-8', 'model.safetensors')));
  });

  it('refuses a run that has one seed: it went on from a checkpoint, was changed when it was resumed, or nobody knows', async () => {
    await refused(args('new', { resumeFromCheckpoint: at('run', `checkpoint-${STEPS}`) }), /goes on from .* cannot be repeated under other seeds/);
    await refused(args('new'), /does not tell how it was trained/, at('model'));
    for (const [name, value] of [['startedFrom', { path: 'x', sha256: 'y' }], ['changedOnResume', ['maxSteps was 2, then 6']]] as const) {
      cpSync(at('run'), at(name), { recursive: true });
      writeFileSync(at(name, MANIFEST_FILE), JSON.stringify({ ...(await readManifest(at(name))), [name]: value }));
      await refused(args('new'), /cannot be repeated under other seeds/, at(name));
    }
    await planSeeds(2, args('run', { resumeFromCheckpoint: at('run', `checkpoint-${STEPS}`) }));
  });
});

describe('trainOtherSeeds', () => {
  it('trains what a run under that seed is, on the rows of the first', async () => {
    await again(seed(8));
    await train('by-hand', { seed: 8 }, 7);
    assert.ok(weights('run-seed-8').equals(weights('by-hand')));
    assert.ok(!weights('run-seed-8').equals(weights('run')));
    const [first, second] = [await readManifest(at('run')), await readManifest(at('run-seed-8'))];
    assert.deepEqual(second.hashes, { ...first.hashes, weights: second.hashes.weights });
    assert.notEqual(second.hashes.weights, first.hashes.weights, 'the head is a new one');
    // Whoever measures it is given the rows that were held out.
    assert.equal((await readMemory(at('run-seed-8')))!.seed, 7);
  });

  it('goes on from the last checkpoint of an interrupted one, to the same bits', async () => {
    await again(seed(9, 'whole-seed-9'));
    await interrupt(seed(9));
    await again(seed(9));
    assert.ok(weights('run-seed-9').equals(weights('whole-seed-9')));
  });

  it('takes a finished one as it is', async () => {
    await again(seed(10));
    const before = statSync(at('run-seed-10', 'model.safetensors')).mtimeMs;
    const found: SeedRun[] = [];
    await again(seed(10), { onFound: (run) => found.push(run), callbacks: () => assert.fail('nothing is trained') });
    assert.deepEqual(found, [seed(10)]);
    assert.equal(statSync(at('run-seed-10', 'model.safetensors')).mtimeMs, before);
  });

  it('refuses a folder that holds a run with other arguments, and replaces it where that is asked for', async () => {
    await train('run-seed-11', { seed: 11, learningRate: 0.02 }, 7);
    const before = weights('run-seed-11');
    await assert.rejects(again(seed(11)), (error) => error instanceof UsageError && /holds another run .* under seed 11: learningRate was 0\.02, then 0\.01/.test(error.message));
    assert.ok(weights('run-seed-11').equals(before));
    await again(seed(11), { overwriteOutputDir: true });
    assert.ok(!weights('run-seed-11').equals(before));
  });

  it('refuses rows that are others by now, without a trace', async () => {
    renameSync(at('rows.jsonl'), at('rows-then.jsonl'));
    writeFileSync(at('rows.jsonl'), toJsonl(sentences(40, 5, { classes: 2 })));
    await assert.rejects(again(seed(12)), (error) => error instanceof UsageError && /cannot be repeated: the training rows were others/.test(error.message));
    renameSync(at('rows-then.jsonl'), at('rows.jsonl'));
    assert.ok(!existsSync(at('run-seed-12')));
  });
});
