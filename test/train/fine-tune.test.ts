/** From files to a trained model folder, with a model so small that training costs nothing. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { referenceEngine } from '#attune/engine/reference/session.js';
import { AttuneError, InterruptedError, ModelError, UsageError } from '#attune/errors/attune-error.js';
import type { FactsOf } from '#attune/errors/catalogue.js';
import { embeddedModelFolder } from '#attune/model/embedded.js';
import { gpt2Graphs } from '#attune/model/gpt2.js';
import { Tokenizer } from '#attune/text/tokenizer.js';
import { resolveArguments } from '#attune/train/arguments.js';
import type { TrainingArgumentsInput } from '#attune/train/arguments.js';
import { saveModel } from '#attune/train/checkpoint.js';
import { fineTune, prepareFineTune } from '#attune/train/fine-tune.js';
import type { FineTuneOptions, FineTuneResult } from '#attune/train/fine-tune.js';
import { readManifest } from '#attune/train/manifest.js';
import { openGpt2 } from '#attune/train/gpt2-model.js';
import { parseTrainerState } from '#attune/train/state.js';
import { folder, namesIn } from '../support/folder.js';
import { randomParameters, tinyConfig } from '../support/models.js';
import { assertClose } from '../support/numbers.js';
import { refusal } from '../support/refusal.js';
import { workspace } from '../support/workspace.js';

const tokenizer = await Tokenizer.fromDirectory(embeddedModelFolder());
const TEXTS = [
  'a fine day',
  'no',
  '',
  'what a dull, dull thing to do on a rainy afternoon in march',
  'yes!',
  ' so so',
  'fine',
  'dull',
  'I would again',
  'not again',
];
const LABELS = [1, 0, 0, 0, 1, 0, 1, 0, 1, 0];

const jsonl = (texts: readonly string[]): string =>
  texts.map((text, i) => JSON.stringify({ text, label: LABELS[i] })).join('\n');

/** Saves an untrained model. */
async function writeModel(dir: string): Promise<void> {
  const config = tinyConfig({
    vocab_size: tokenizer.vocabSize,
    pad_token_id: tokenizer.padTokenId,
    num_labels: 2,
    n_positions: 8,
    attn_pdrop: 0.1,
  });
  const graphs = gpt2Graphs(config);
  const session = await referenceEngine.open(graphs, { seed: 0 });
  for (const [name, values] of randomParameters(config, 1))
    await session.writeTensor('parameter', name, values);
  await tokenizer.save(dir);
  await saveModel(dir, { session, parameters: graphs.parameters, config, tokenizer });
}

/**
 * A folder with `model`, 10 training and 4 test rows, and the options of a run over them into `out`: 2 epochs of 5
 * steps.
 */
async function prepared(
  t: TestContext,
  args: TrainingArgumentsInput = {},
): Promise<{ root: string; out: string; options: FineTuneOptions }> {
  const root = folder(t, { 'train.jsonl': jsonl(TEXTS), 'test.jsonl': jsonl(TEXTS.slice(0, 4)) });
  const [model, out] = [join(root, 'model'), join(root, 'out')];
  await writeModel(model);
  return { root, out, options: { model, dataset: root, args: runArguments(out, args) } };
}

const weights = (dir: string): Buffer => readFileSync(join(dir, 'model.safetensors'));

const runArguments = (outputDir: string, args: TrainingArgumentsInput = {}): FineTuneOptions['args'] =>
  resolveArguments({
    outputDir,
    numTrainEpochs: 2,
    perDeviceTrainBatchSize: 2,
    learningRate: 0.01,
    loggingSteps: 2,
    evalStrategy: 'epoch',
    saveStrategy: 'epoch',
    ...args,
  });

/** Open files of this process under `dir`; empty on systems other than Linux. */
function openFiles(dir: string): string[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc/self/fd')
    .flatMap((fd) => {
      try {
        return [readlinkSync(join('/proc/self/fd', fd))];
      } catch {
        return []; // the descriptor of the listing itself
      }
    })
    .filter((path) => path.startsWith(dir));
}

type Holder = FactsOf<'run-folder-locked'>['holder'];

/** The process that holds the lock of a folder. */
function holderOf(dir: string): Holder {
  const { pid, host, since } = JSON.parse(readFileSync(join(dir, '.attune.lock'), 'utf8')) as Holder;
  return { pid, host, since };
}

/** Trains until `onStep` is called for the given step, which interrupts the run. */
async function interruptAt(lastStep: number, options: FineTuneOptions): Promise<void> {
  const abort = new AbortController();
  const onStep = (step: number): void => {
    if (step === lastStep) abort.abort();
  };
  await assert.rejects(
    fineTune({ ...options, signal: abort.signal, callbacks: [{ onStep }] }),
    refusal(InterruptedError, 'run-interrupted', { step: lastStep }),
  );
}

describe('fineTune', () => {
  it('turns the output folder into a model folder that repeats the last evaluation', async (t) => {
    const { out, options } = await prepared(t);
    const { outputDir, state, evaluation } = await fineTune(options);
    assert.equal(outputDir, out);
    assert.deepEqual(readdirSync(out).sort(), [
      '.attune-files.json',
      'attune.json',
      'attune_model.json',
      'attune_rows.json',
      'checkpoint-10',
      'checkpoint-5',
      'config.json',
      'merges.txt',
      'model.safetensors',
      'special_tokens_map.json',
      'tokenizer_config.json',
      'trainer_state.json',
      'training_args.json',
      'vocab.json',
    ]);
    const saved = parseTrainerState(
      readFileSync(join(out, 'trainer_state.json'), 'utf8'),
      'trainer_state.json',
    );
    assert.deepEqual(saved, state);
    assert.ok(saved.log_history.some((record) => 'train_runtime' in record));
    assert.ok(
      readFileSync(join(out, 'model.safetensors')).equals(
        readFileSync(join(out, 'checkpoint-10', 'model.safetensors')),
      ),
    );

    const model = await openGpt2(out, { maxLength: 8 });
    t.after(() => model.close());
    assert.deepEqual(model.labels, ['LABEL_0', 'LABEL_1']);
    const { logits } = await model.classify(TEXTS.slice(0, 4));
    assertClose(logits!, evaluation!.logits, 1e-5, 'logits');
  });

  it('gives the same weights for the same seed and others for another one', async (t) => {
    const { root, options } = await prepared(t);
    const modelOf = async (name: string, seed: number): Promise<Buffer> => {
      const dir = join(root, name);
      await fineTune({
        ...options,
        args: runArguments(dir, { seed, numTrainEpochs: 1, saveStrategy: 'no' }),
      });
      return weights(dir);
    };
    const first = await modelOf('a', 1);
    assert.ok(first.equals(await modelOf('b', 1)));
    assert.ok(!first.equals(await modelOf('c', 2)));
  });

  it('resumes an interrupted run from its last checkpoint to the same weights', async (t) => {
    const { root, out, options } = await prepared(t);
    const whole = join(root, 'whole');
    await fineTune({ ...options, args: runArguments(whole) });
    await interruptAt(3, options);
    assert.deepEqual(namesIn(out), ['attune.json', 'checkpoint-3']);
    // Now the folder holds a run.
    await assert.rejects(
      prepareFineTune(options),
      refusal(UsageError, 'output-dir-holds-run', { dir: out, made: ['checkpoint-3'], resumable: true }),
    );
    const run = await prepareFineTune({
      ...options,
      args: runArguments(out, { resumeFromCheckpoint: 'last' }),
    });
    t.after(() => run.close());
    assert.equal(run.resumedFrom, join(out, 'checkpoint-3'));
    await run.train();
    // Until it is closed, no other run may use the folder.
    await assert.rejects(
      prepareFineTune({ ...options, args: runArguments(out, { resumeFromCheckpoint: 'last' }) }),
      refusal(UsageError, 'run-folder-locked', { dir: out, holder: holderOf(out), lock: undefined }),
    );
    await run.close();
    assert.ok(weights(out).equals(weights(whole)));
  });

  it('resumes from a checkpoint of another folder to the same weights', async (t) => {
    const { root, out, options } = await prepared(t);
    const whole = join(root, 'whole');
    await fineTune({ ...options, args: runArguments(whole) });
    await interruptAt(3, options);
    const run = await prepareFineTune({
      ...options,
      args: runArguments(out, { resumeFromCheckpoint: join(whole, 'checkpoint-5') }),
    });
    t.after(() => run.close());
    assert.equal(run.resumedFrom, join(whole, 'checkpoint-5'));
    await run.train();
    assert.ok(weights(out).equals(weights(whole)));
  });

  it('stops at the same step when a run that stopped early is resumed', async (t) => {
    // At this learning rate no epoch is better than the first.
    const { out, options } = await prepared(t, {
      numTrainEpochs: 8,
      learningRate: 1e-12,
      loadBestModelAtEnd: true,
      metricForBestModel: 'f1',
      earlyStoppingPatience: 2,
    });
    const first = await fineTune(options);
    assert.ok(first.stoppedEarly);
    assert.equal(first.state.global_step, 15);
    const before = weights(out);
    const again = await fineTune({ ...options, args: { ...options.args!, resumeFromCheckpoint: true } });
    assert.equal(again.state.global_step, 15);
    assert.ok(weights(out).equals(before));
  });

  it('ends a run that has lost its lock and writes nothing more', async (t) => {
    const { out, options } = await prepared(t, { saveStrategy: 'steps', saveSteps: 1 });
    const lock = join(out, '.attune.lock');
    const onSave = (): void => {
      if (!readFileSync(lock, 'utf8').includes('elsewhere'))
        writeFileSync(
          lock,
          `${JSON.stringify({ ...(JSON.parse(readFileSync(lock, 'utf8')) as object), host: 'elsewhere', pid: 1 })}\n`,
        );
    };
    await assert.rejects(fineTune({ ...options, callbacks: [{ onSave }] }), (error) => {
      const takenBy = holderOf(out);
      assert.deepEqual([takenBy.pid, takenBy.host], [1, 'elsewhere']);
      return refusal(AttuneError, 'run-lock-lost', { dir: out, takenBy })(error);
    });
    assert.deepEqual(namesIn(out), ['.attune.lock', 'attune.json', 'checkpoint-1']);
    assert.match(readFileSync(lock, 'utf8'), /elsewhere/);
  });
});

describe('fineTune without training arguments', () => {
  const given = (root: string): FineTuneOptions => ({
    model: join(root, 'model'),
    dataset: join(root, 'rows.jsonl'),
    testSize: 0.2,
    seed: 7,
  });
  let whole: FineTuneResult;
  const root = workspace(async (dir) => {
    await writeModel(join(dir, 'model'));
    const rows = Array.from({ length: 60 }, (_, i) =>
      JSON.stringify({ text: `${TEXTS[i % TEXTS.length]} ${i}`, label: LABELS[i % LABELS.length] }),
    ).join('\n');
    writeFileSync(join(dir, 'rows.jsonl'), rows);
    whole = await fineTune({ ...given(dir), outputDir: join(dir, 'whole') });
  });

  it('plans the run: held-out rows choose the epoch, others test the model', async () => {
    const { plan, state, validation, test: tested } = whole;
    assert.deepEqual(
      plan.slice(0, 3).map(({ argument, value }) => [argument, value]),
      [
        ['validationSize', 0.15],
        ['numTrainEpochs', 10],
        ['perDeviceTrainBatchSize', 8],
      ],
    );
    assert.deepEqual([validation!.logits.length, tested!.logits.length], [2 * 8, 2 * 12]);
    assert.equal(validation!.metrics.f1, state.best_metric);
    const { inputs, arguments: args } = await readManifest(join(root, 'whole'));
    assert.deepEqual(
      [inputs.testSize, inputs.validationSize, args['seed'], args['loadBestModelAtEnd']],
      [0.2, 0.15, 7, true],
    );
  });

  it('makes the same plan when it is resumed, and ends with the same weights', async () => {
    const options = { ...given(root), outputDir: join(root, 'resumed') };
    await interruptAt(12, options);
    const warned: string[] = [];
    const { state } = await fineTune({
      ...options,
      resumeFromCheckpoint: true,
      callbacks: [{ onWarning: (message) => void warned.push(message) }],
    });
    assert.deepEqual(
      [state.best_metric, state.best_global_step, state.global_step],
      [whole.state.best_metric, whole.state.best_global_step, whole.state.global_step],
    );
    assert.ok(weights(join(root, 'resumed')).equals(weights(join(root, 'whole'))));
    assert.deepEqual(
      warned.filter((message) => message.includes('not as it was')),
      [],
    );
  });

  it('plans nothing and holds nothing out if the learning rate is given', async (t) => {
    const run = await prepareFineTune({
      ...given(root),
      outputDir: join(root, 'by-hand'),
      learningRate: 1e-3,
    });
    t.after(() => run.close());
    assert.deepEqual(
      [
        run.plan,
        run.splits.train.length,
        run.splits.validation,
        run.args.numTrainEpochs,
        run.args.evalStrategy,
      ],
      [[], 48, undefined, 3, 'no'],
    );
  });
});

describe('prepareFineTune', () => {
  it('refuses what cannot be trained before it writes anything', async (t) => {
    const { root, out, options } = await prepared(t);
    const refused = async (
      change: Partial<FineTuneOptions>,
      expected: ReturnType<typeof refusal>,
    ): Promise<void> => {
      await assert.rejects(prepareFineTune({ ...options, ...change }), expected);
      assert.ok(!readdirSync(root).includes('out'), 'no output folder was made');
      assert.deepEqual(openFiles(root), [], 'no file is left open');
    };
    await refused(
      { args: runArguments(out, { maxLength: 9 }) },
      refusal(UsageError, 'max-length-exceeds-positions', { given: 9, limit: 8 }),
    );
    await refused(
      { args: runArguments(out, { resumeFromCheckpoint: 'last' }) },
      refusal(ModelError, 'checkpoint-not-found', { dir: out }),
    );
    const none = join(root, 'none');
    await refused({ model: none }, refusal(ModelError, 'model-folder-missing', { folder: none }));
    await refused(
      { args: runArguments(out, { loadBestModelAtEnd: true, metricForBestModel: 'acuracy' }) },
      refusal(UsageError, 'metric-for-best-model-unknown', {
        given: 'acuracy',
        known: ['loss', 'accuracy', 'f1', 'auc'],
      }),
    );
    await refused(
      { dataset: join(root, 'train.jsonl') },
      refusal(UsageError, 'evaluation-without-rows', { evalStrategy: 'epoch' }),
    );
  });

  it('replaces a run only on request and keeps files that are not part of it', async (t) => {
    const { out, options } = await prepared(t, { numTrainEpochs: 1 });
    await fineTune(options);
    writeFileSync(join(out, 'notes.txt'), 'mine');
    await assert.rejects(
      fineTune(options),
      refusal(UsageError, 'output-dir-holds-run', { dir: out, resumable: true }),
    );
    assert.ok(readdirSync(out).includes('checkpoint-5'));
    const run = await prepareFineTune({ ...options, args: runArguments(out, { overwriteOutputDir: true }) });
    t.after(() => run.close());
    const left = readdirSync(out);
    assert.equal(readFileSync(join(out, 'notes.txt'), 'utf8'), 'mine');
    assert.ok(
      left.includes('notes.txt') && !left.includes('checkpoint-5') && !left.includes('model.safetensors'),
    );
  });

  it('warns if the run ends during its warm-up', async (t) => {
    const warned: string[] = [];
    const { out, options } = await prepared(t);
    const run = await prepareFineTune({
      ...options,
      args: runArguments(out, { warmupSteps: 10 }),
      callbacks: [{ onWarning: (message) => void warned.push(message) }],
    });
    await run.close();
    assert.match(
      warned.join(),
      /the warm-up of 10 steps is not over when the run ends, after 10: the learning rate never reaches 0\.01/,
    );
    const shorter = await prepareFineTune({
      ...options,
      args: runArguments(`${out}-9`, { warmupSteps: 9 }),
      callbacks: [{ onWarning: (message) => void warned.push(message) }],
    });
    await shorter.close();
    assert.equal(warned.length, 1);
  });
});

describe('prepareFineTune with resumeFromCheckpoint', () => {
  const rows = (count: number, name: string): string =>
    Array.from({ length: count }, (_, i) => JSON.stringify({ text: `${name} ${i}`, label: i % 2 })).join(
      '\n',
    );

  /** A folder with `model`, 40 training and 8 test rows, and options that leave the rest to a plan. */
  async function unplanned(t: TestContext): Promise<{ root: string; out: string; given: FineTuneOptions }> {
    const root = folder(t, { 'train.jsonl': rows(40, 'a'), 'test.jsonl': rows(8, 'b') });
    const [model, outputDir] = [join(root, 'model'), join(root, 'out')];
    await writeModel(model);
    return { root, out: outputDir, given: { model, dataset: root, seed: 7, outputDir } };
  }

  const resumed = (given: FineTuneOptions): ReturnType<typeof prepareFineTune> =>
    prepareFineTune({ ...given, resumeFromCheckpoint: true });

  it('makes no plan for a run that began without one', async (t) => {
    const { root, out, given } = await unplanned(t);
    const { model } = given;
    await interruptAt(2, { model, dataset: root, args: resolveArguments({ outputDir: out, seed: 7 }) });
    const run = await resumed(given);
    await run.close();
    assert.deepEqual([run.plan, run.splits.train.length, run.args.numTrainEpochs], [[], 40, 3]);
  });

  it('makes the plan of the run that it resumes', async (t) => {
    const { given } = await unplanned(t);
    await interruptAt(2, given);
    const run = await resumed(given);
    await run.close();
    assert.deepEqual([run.splits.train.length, run.args.numTrainEpochs], [34, 10]);
  });

  it('refuses a run whose test rows have changed', async (t) => {
    const { root, out, given } = await unplanned(t);
    await interruptAt(2, given);
    writeFileSync(join(root, 'test.jsonl'), rows(8, 'c'));
    await assert.rejects(
      resumed(given),
      refusal(UsageError, 'resume-data-changed', { checkpoint: join(out, 'checkpoint-2'), rows: 'test' }),
    );
  });
});
