import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { loadSplits } from '#attune/data/splits.js';
import { AttuneError, InterruptedError, ModelError, UsageError } from '#attune/errors/attune-error.js';
import { factNumber } from '#attune/errors/phrases/values.js';
import { resolveArguments } from '#attune/train/arguments.js';
import type { TrainingArguments, TrainingArgumentsInput } from '#attune/train/arguments.js';
import { fineTune } from '#attune/train/fine-tune.js';
import { MANIFEST_FILE, readManifest } from '#attune/train/manifest.js';
import { readMemory } from '#attune/train/model-memory.js';
import { partsOfTraining } from '#attune/train/plan.js';
import { planSeeds, trainOtherSeeds } from '#attune/train/seeds.js';
import type { SeedRun, SeedsOptions } from '#attune/train/seeds.js';
import { writeByteModel } from '../support/byte-model.js';
import { toJsonl } from '../support/cli.js';
import { refusal } from '../support/refusal.js';
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
  return resolveArguments({
    outputDir: at(name),
    seed: 7,
    maxSteps: STEPS,
    loggingSteps: 2,
    saveSteps: 2,
    learningRate: 0.01,
    ...given,
  });
}

async function train(
  name: string,
  given: TrainingArgumentsInput,
  splitSeed?: number,
  model = 'model',
): Promise<void> {
  await fineTune({
    model: at(model),
    dataset: at('rows.jsonl'),
    testSize: 10,
    threads: 1,
    splitSeed,
    args: args(name, given),
  });
}

/** @returns the changes that its manifest lists */
async function resumed(
  name: string,
  given: TrainingArgumentsInput,
  model: string,
): Promise<readonly string[]> {
  await train(name, { ...given, resumeFromCheckpoint: 'last' }, 7, model);
  return (await readManifest(at(name))).changedOnResume ?? [];
}

function again(other: SeedRun, options: SeedsOptions = {}): Promise<void> {
  return trainOtherSeeds(at('run'), [other], options);
}

/** Interrupts after the second step, whose checkpoint is saved. */
async function interrupt(others: readonly SeedRun[], options: SeedsOptions = {}): Promise<void> {
  const stop = new AbortController();
  const callbacks = () => [
    { onStep: (step: number) => void (step === 2 && stop.abort(new InterruptedError('interrupted', {}))) },
  ];
  await assert.rejects(
    trainOtherSeeds(at('run'), others, { ...options, callbacks, signal: stop.signal }),
    InterruptedError,
  );
  for (const { folder } of others) assert.ok(!existsSync(join(folder, 'model.safetensors')));
}

async function plan(
  seeds: number,
  what: TrainingArguments,
  finetuned?: string,
  given: { readonly model?: string; readonly dataset?: string } = {},
): Promise<SeedRun[]> {
  const inputs = { model: at('model'), dataset: at('rows.jsonl'), ...given };
  const splits = await loadSplits({ dataset: at('rows.jsonl'), testSize: 10, seed: 7 });
  return planSeeds(seeds, { training: { args: what }, inputs, splits, finetuned });
}

const OTHER_WEIGHTS = 'the weights before the first step were others';

/** The folder holds another run than `run` under that seed. */
const taken = (name: string, seed: number, change: string, run = 'run'): ((error: unknown) => true) =>
  refusal(UsageError, 'seed-folder-taken', { folder: at(name), run: at(run), seed, change });

const holdsRun = (name: string): ((error: unknown) => true) =>
  refusal(UsageError, 'output-dir-holds-run', { dir: at(name), resumable: true });

/** The output folder is an input as well. */
const isInput = (name: string, what: string): ((error: unknown) => true) =>
  refusal(UsageError, 'output-overlaps-input', { outputDir: at(name), what, path: at(name), isFolder: true });

/** @param reason how it begins: the code of the system's error */
function unwritable(name: string, reason: string): (error: unknown) => true {
  return (error) => {
    refusal(AttuneError, 'output-dir-unwritable', { dir: at(name) })(error);
    assert.equal(((error as AttuneError).facts['reason'] as string).split(':')[0], reason);
    return true;
  };
}

describe('planSeeds', () => {
  it('names the folders beside the run and creates none of them', async () => {
    assert.deepEqual(await plan(3, args('new')), [seed(8, 'new-seed-8'), seed(9, 'new-seed-9')]);
    assert.deepEqual(await plan(2, { ...args('new'), outputDir: `${at('new')}/` }), [seed(8, 'new-seed-8')]);
    assert.deepEqual(await plan(1, args('new')), []);
    assert.deepEqual(await plan(2, args('elsewhere', { seed: 42 }), at('run')), [
      seed(8, 'elsewhere-seed-8'),
    ]);
    assert.ok(!existsSync(at('new')) && !existsSync(at('new-seed-8')));
  });

  it('refuses a number of seeds or a seed that is out of range', async () => {
    for (const seeds of [0, -1, 1.5, NaN, 101])
      await assert.rejects(
        plan(seeds, args('new')),
        refusal(UsageError, 'seeds-out-of-range', { given: factNumber(seeds), limit: 100 }),
      );
    await assert.rejects(
      plan(3, args('new', { seed: 2 ** 32 - 2 })),
      refusal(UsageError, 'argument-invalid', { argument: 'seed', given: 2 ** 32 }),
    );
    assert.equal((await plan(2, args('new', { seed: 2 ** 32 - 2 }))).length, 1);
  });

  it('refuses a folder that holds other files or is an input, a file, or a broken link', async () => {
    mkdirSync(at('mine-seed-9'));
    writeFileSync(at('mine-seed-9', 'config.json'), '{}');
    const foreign = { dir: at('mine-seed-9'), foreign: ['config.json'] };
    for (const overwriteOutputDir of [false, true])
      await assert.rejects(
        plan(3, args('mine', { overwriteOutputDir })),
        refusal(UsageError, 'output-dir-holds-foreign', foreign),
      );
    mkdirSync(at('input-seed-8'));
    await assert.rejects(
      plan(2, args('input'), undefined, { dataset: at('input-seed-8') }),
      isInput('input-seed-8', 'the dataset'),
    );
    writeFileSync(at('file-seed-8'), '');
    await assert.rejects(
      plan(2, args('file')),
      refusal(AttuneError, 'output-dir-is-file', { dir: at('file-seed-8') }),
    );
    symlinkSync('nowhere/at-all', at('link-seed-8'));
    await assert.rejects(plan(2, args('link')), unwritable('link-seed-8', 'ENOENT'));
    const long = 'x'.repeat(250);
    await assert.rejects(plan(2, args(long)), unwritable(`${long}-seed-8`, 'ENAMETOOLONG'));
  });

  it('refuses a folder with a run of other arguments or weights, or changed on resume', async () => {
    cpSync(at('run'), at('taken-seed-8'), { recursive: true });
    await assert.rejects(plan(3, args('taken')), holdsRun('taken-seed-8'));
    assert.equal((await plan(3, args('taken', { overwriteOutputDir: true }))).length, 2);
    await assert.rejects(plan(3, args('taken'), at('run')), taken('taken-seed-8', 8, 'seed was 7, then 8'));
    await train('base-seed-8', { seed: 8 }, 7, 'run');
    await assert.rejects(plan(2, args('base'), at('run')), taken('base-seed-8', 8, OTHER_WEIGHTS));
    await train('changed-seed-8', { seed: 8 }, 7);
    const manifest = await readManifest(at('changed-seed-8'));
    assert.equal((await plan(2, args('changed'), at('run'))).length, 1);
    writeFileSync(
      at('changed-seed-8', MANIFEST_FILE),
      JSON.stringify({ ...manifest, changedOnResume: ['maxSteps was 2, then 6'] }),
    );
    await assert.rejects(
      plan(2, args('changed'), at('run')),
      taken('changed-seed-8', 8, 'maxSteps was 2, then 6'),
    );
    rmSync(at('changed-seed-8', 'trainer_state.json'));
    for (let step = 2; step <= STEPS; step += 2)
      rmSync(at('changed-seed-8', `checkpoint-${step}`), { recursive: true });
    await assert.rejects(plan(2, args('changed'), at('run')), holdsRun('changed-seed-8'));
    assert.ok(existsSync(at('taken-seed-8', 'model.safetensors')));
  });

  it('refuses an interrupted first run that would be another run once resumed', async () => {
    cpSync(at('run'), at('first'), { recursive: true });
    for (const file of ['config.json', 'model.safetensors', 'trainer_state.json']) rmSync(at('first', file));
    rmSync(at('first', `checkpoint-${STEPS}`), { recursive: true });
    const on = { resumeFromCheckpoint: 'last' } as const;
    assert.equal((await plan(2, args('first', on))).length, 1);
    await assert.rejects(
      plan(2, args('first', on), undefined, { model: at('run') }),
      refusal(UsageError, 'seeds-after-change', { run: at('first'), change: OTHER_WEIGHTS, when: 'now' }),
    );
    await train('first-seed-8', { seed: 8, learningRate: 0.02 }, 7);
    await assert.rejects(
      plan(2, args('first', on)),
      taken('first-seed-8', 8, 'learningRate was 0.02, then 0.01', 'first'),
    );
    const parted = (seed: number) => loadSplits({ dataset: at('rows.jsonl'), testSize: 10, seed });
    const other = { ...(await parted(7)), train: (await parted(8)).train };
    const planned = planSeeds(2, {
      training: { args: args('first', on) },
      inputs: { model: at('model'), dataset: at('rows.jsonl') },
      splits: other,
    });
    await assert.rejects(
      planned,
      refusal(UsageError, 'seeds-after-change', {
        run: at('first'),
        change: 'the training rows were others',
        when: 'now',
      }),
    );
  });

  it('repeats the plan of a planned run and refuses a different plan', async () => {
    const given = { outputDir: at('planned'), seed: 7, numTrainEpochs: 1 };
    const inputs = { model: at('model'), dataset: at('rows.jsonl') };
    const { plan: lines } = await fineTune({ ...inputs, ...given, threads: 1 });
    assert.ok(lines.length > 0);
    const splits = await loadSplits({ ...inputs, seed: 7, plannedParts: partsOfTraining(given) });
    const on = { ...given, resumeFromCheckpoint: true } as const;
    assert.equal((await planSeeds(2, { training: on, inputs, splits })).length, 1);
    await assert.rejects(
      planSeeds(2, { training: { ...on, numTrainEpochs: undefined }, inputs, splits }),
      (error) => {
        refusal(UsageError, 'seeds-after-change', { run: at('planned'), when: 'now' })(error);
        assert.match((error as UsageError).facts['change'] as string, /^numTrainEpochs was 1, then \d+$/);
        return true;
      },
    );
  });

  it('never replaces the model under comparison', async () => {
    cpSync(at('run'), at('self-seed-8'), { recursive: true });
    await assert.rejects(
      plan(2, args('self', { overwriteOutputDir: true }), at('self-seed-8')),
      isInput('self-seed-8', 'the model'),
    );
  });

  it('refuses a run that resumed another one, was or will be changed, or has no manifest', async () => {
    const checkpoint = at('run', `checkpoint-${STEPS}`);
    await assert.rejects(
      plan(3, args('new', { resumeFromCheckpoint: checkpoint })),
      refusal(UsageError, 'seeds-from-checkpoint', { checkpoint }),
    );
    await assert.rejects(
      plan(3, args('run', { resumeFromCheckpoint: checkpoint, maxSteps: 8 })),
      refusal(UsageError, 'seeds-after-change', {
        run: at('run'),
        change: 'maxSteps was 6, then 8',
        when: 'now',
      }),
    );
    await assert.rejects(
      plan(3, args('new'), at('model')),
      refusal(ModelError, 'run-origin-unknown', { run: at('model') }),
    );
    for (const [name, value, expected] of [
      [
        'startedFrom',
        { path: 'x', sha256: 'y' },
        refusal(UsageError, 'seeds-of-another-start', { run: at('startedFrom') }),
      ],
      [
        'changedOnResume',
        ['maxSteps was 2, then 6'],
        refusal(UsageError, 'seeds-after-change', {
          run: at('changedOnResume'),
          change: 'maxSteps was 2, then 6',
          when: 'earlier',
        }),
      ],
    ] as const) {
      cpSync(at('run'), at(name), { recursive: true });
      writeFileSync(
        at(name, MANIFEST_FILE),
        JSON.stringify({ ...(await readManifest(at(name))), [name]: value }),
      );
      await assert.rejects(plan(3, args('new'), at(name)), expected);
      await assert.rejects(plan(3, args(name, { resumeFromCheckpoint: 'last' })), expected);
    }
    assert.equal((await plan(2, args('run', { resumeFromCheckpoint: checkpoint }))).length, 1);
  });

  it('refuses a run whose base model has changed, but accepts one that was moved', async () => {
    cpSync(at('model'), at('then'), { recursive: true });
    await train('moved', {}, undefined, 'then');
    assert.equal((await plan(2, args('moved'), at('moved'))).length, 1);
    const file = at('then', 'model.safetensors');
    const bytes = readFileSync(file);
    bytes[bytes.length - 3] ^= 1;
    writeFileSync(file, bytes);
    await assert.rejects(
      plan(2, args('moved'), at('moved'), { model: at('then') }),
      refusal(UsageError, 'seeds-of-another-model', { run: at('moved'), model: at('then') }),
    );
    rmSync(at('then'), { recursive: true });
    assert.equal(
      (await plan(2, args('moved'), at('moved'), { model: at('model') })).length,
      1,
      'it has moved',
    );
    await assert.rejects(
      plan(2, args('moved'), at('moved'), { model: at('then') }),
      refusal(ModelError, 'model-folder-missing', { folder: at('then') }),
    );
  });
});

describe('trainOtherSeeds', () => {
  it('trains the same weights as a run with that seed on the rows of the first run', async () => {
    await again(seed(8));
    await train('by-hand', { seed: 8 }, 7);
    assert.ok(weights('run-seed-8').equals(weights('by-hand')));
    assert.ok(!weights('run-seed-8').equals(weights('run')));
    const [first, second] = [await readManifest(at('run')), await readManifest(at('run-seed-8'))];
    assert.deepEqual(second.hashes, { ...first.hashes, weights: second.hashes.weights });
    assert.notEqual(second.hashes.weights, first.hashes.weights, 'the head is a new one');
    // The held-out rows are those of the first run.
    assert.equal((await readMemory(at('run-seed-8')))!.seed, 7);
  });

  it('resumes an interrupted run to the same weights', async () => {
    await again(seed(9, 'whole-seed-9'));
    await interrupt([seed(9)]);
    await again(seed(9));
    assert.ok(weights('run-seed-9').equals(weights('whole-seed-9')));
  });

  it('refuses a run that was resumed from another model', async () => {
    await interrupt([seed(14)]);
    const [change] = await resumed('run-seed-14', { seed: 14 }, 'run');
    assert.equal(change, OTHER_WEIGHTS);
    await assert.rejects(again(seed(14)), taken('run-seed-14', 14, OTHER_WEIGHTS));
  });

  it('keeps a finished run as it is', async () => {
    await again(seed(10));
    const before = statSync(at('run-seed-10', 'model.safetensors')).mtimeMs;
    const found: SeedRun[] = [];
    await again(seed(10), {
      onFound: (run) => found.push(run),
      callbacks: () => assert.fail('nothing is trained'),
    });
    assert.deepEqual(found, [seed(10)]);
    assert.equal(statSync(at('run-seed-10', 'model.safetensors')).mtimeMs, before);
  });

  it('refuses a folder with a run of other arguments, and replaces it on request', async () => {
    await train('run-seed-11', { seed: 11, learningRate: 0.02 }, 7);
    const before = weights('run-seed-11');
    await assert.rejects(again(seed(11)), taken('run-seed-11', 11, 'learningRate was 0.02, then 0.01'));
    assert.ok(weights('run-seed-11').equals(before));
    // All folders are emptied first: an interruption leaves nothing that could pass for a run of these seeds.
    cpSync(at('run-seed-11'), at('run-seed-13'), { recursive: true });
    await interrupt([seed(11), seed(13)], { overwriteOutputDir: true });
    await again(seed(11));
    assert.ok(!weights('run-seed-11').equals(before));
  });

  it('refuses training rows that have changed, and creates no folder', async () => {
    renameSync(at('rows.jsonl'), at('rows-then.jsonl'));
    writeFileSync(at('rows.jsonl'), toJsonl(sentences(40, 5, { classes: 2 })));
    await assert.rejects(
      again(seed(12)),
      refusal(UsageError, 'seeds-after-change', {
        run: at('run'),
        change: 'the training rows were others',
        when: 'since',
      }),
    );
    renameSync(at('rows-then.jsonl'), at('rows.jsonl'));
    assert.ok(!existsSync(at('run-seed-12')));
  });
});
