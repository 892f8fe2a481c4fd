/**
 * What the demo page computes, in its worker, so that the page stays responsive: model, rows and result are
 * held in memory. It asks for what lies beside it and nothing else. Requests run one after the other; each
 * ends in an answer or in a problem.
 */
import type {
  Evaluation,
  FineTuneOptions,
  FineTuneRun,
  TextClassifier as Classifier,
  TrainerCallback,
} from './attune.js';
import type { DemoSettings } from '../demo-settings.js';
import { FOLDERS, PAGE, pageFacts, pageHint } from '../page-shell.js';
import { zipped } from './archive.js';
import {
  AttuneError,
  errorHint,
  errorSentence,
  files,
  findAdapter,
  inspectSplits,
  InterruptedError,
  loadSplits,
  noticeSentence,
  prepareFineTune,
  resolveArguments,
  TextClassifier,
  Tokenizer,
} from './attune.js';
import { load, LoadError, loadText } from './load.js';
import type {
  DataChoice,
  DataSummary,
  FromWorker,
  Problem,
  Rows,
  ToWorker,
  TrainChoice,
} from './protocol.js';
import { Stop, unlessAborted } from './stop.js';

const scope = self as unknown as { postMessage(message: FromWorker): void };
const say = (message: FromWorker): void => scope.postMessage(message);

const { model: MODEL, run: RUN } = FOLDERS;
/** Curves have about this many points. */
const POINTS = 150;
const TELL_MS = 100;
/** What a checkpoint holds beside the model: it is for going on with the run, not for using the model. */
const NOT_IN_ARCHIVE = new Set([
  'optimizer.safetensors',
  'attune_state.json',
  'checksums.json',
  '.attune-files.json',
]);

/** What a run is made of. The rows are kept, because those that are checked meanwhile take their place. */
interface Begun {
  readonly choice: TrainChoice;
  readonly options: Awaited<ReturnType<typeof dataOptions>>;
  readonly rows: ReadonlyMap<string, Uint8Array>;
}

interface Stopped {
  readonly begun: Begun;
  readonly checkpoint: string;
  readonly seconds: number;
  /** Step of the last evaluation. */
  readonly evaluated: number;
}

let settings: Promise<DemoSettings> | undefined;
let tokenizer: Promise<Tokenizer> | undefined;
let weights: Promise<void> | undefined;
/** Of the last run that was asked for. */
let stop: Stop | undefined;
/**
 * What a run that was stopped has still under way. The next one waits for it, because they share the GPU and
 * the output folder.
 */
let leftover: Promise<unknown> = Promise.resolve();
/** Of the last check that was asked for: the page has no use for the results of those before. */
let lastCheck = 0;
let result: { readonly folder: string; readonly classifier: Classifier } | undefined;
/** The last run, where it can be gone on with. */
let stopped: Stopped | undefined;
/** Requests take turns. */
let queue: Promise<unknown> = Promise.resolve();

export function handle(message: ToWorker): Promise<void> {
  const failed = (problem: Problem): void => say({ type: 'failed', problem });
  switch (message.type) {
    case 'start':
      return inTurn(start, (problem) => say({ type: 'unready', problem }));
    case 'check':
      lastCheck = message.id;
      return inTurn(
        () => answerCheck(message.id, message.data),
        (problem) => say({ type: 'refused', id: message.id, problem }),
      );
    case 'train': {
      const asked = new Stop('page-run-stopped-early');
      stop = asked;
      return inTurn(() => begin(message.choice, asked), failed, asked.inOrder);
    }
    case 'continue': {
      const asked = new Stop('page-run-stopped-again');
      stop = asked;
      return inTurn(() => goOn(asked), failed, asked.inOrder);
    }
    case 'stop':
      stop?.ask();
      return Promise.resolve();
    case 'predict':
      return inTurn(
        () => predict(message.id, message.text),
        (problem) => say({ type: 'unpredicted', id: message.id, problem }),
      );
    case 'archive':
      return inTurn(archive, (problem) => say({ type: 'unarchived', problem }));
  }
}

/** @param signal ends the waiting for the turn, not the work */
function inTurn(
  work: () => Promise<void>,
  refuse: (problem: Problem) => void,
  signal?: AbortSignal,
): Promise<void> {
  const before = signal ? unlessAborted(queue, signal) : queue;
  const turn = before.then(work).catch((error: unknown) => refuse(problemOf(error)));
  queue = Promise.all([queue, turn]);
  return turn;
}

function problemOf(error: unknown): Problem {
  if (error instanceof LoadError) return { message: error.message, hint: error.hint, transient: true };
  if (error instanceof AttuneError) {
    const described = { code: error.code, facts: pageFacts(error.facts) };
    return {
      message: errorSentence(described, PAGE),
      hint: pageHint((shell) => errorHint(described, shell)),
    };
  }
  return {
    message: error instanceof Error ? error.message : String(error),
    hint: 'Load the page again. If it happens again, please report it with what you did.',
  };
}

function demo(): Promise<DemoSettings> {
  settings ??= loadText('demo.json').then((json) => JSON.parse(json) as DemoSettings);
  settings.catch(() => {
    settings = undefined;
  });
  return settings;
}

const isWeights = (name: string): boolean => name.endsWith('.safetensors');

async function start(): Promise<void> {
  const { model } = await demo();
  const found = await findAdapter();
  if ('reason' in found) return say({ type: 'unsupported', reason: found.reason, model: model.name });
  say({
    type: 'ready',
    model: model.name,
    bytes: model.bytes,
    adapter: found.report.name,
    software: found.report.software,
  });
}

/** Config and tokenizer are small and come first; the weights come when they are needed. */
function loadTokenizer(): Promise<Tokenizer> {
  tokenizer ??= (async () => {
    for (const name of (await demo()).model.files.filter((each) => !isWeights(each)))
      await files.write(`${MODEL}/${name}`, await load(`model/${name}`));
    return Tokenizer.fromDirectory(MODEL);
  })();
  tokenizer.catch(() => {
    tokenizer = undefined;
  });
  return tokenizer;
}

function loadWeights(signal: AbortSignal): Promise<void> {
  weights ??= (async () => {
    const { model } = await demo();
    let done = 0;
    let told = 0;
    const onBytes = (bytes: number): void => {
      done += bytes;
      if (performance.now() - told < TELL_MS) return;
      told = performance.now();
      say({ type: 'loading', done, total: model.bytes });
    };
    for (const name of model.files.filter(isWeights))
      await files.write(`${MODEL}/${name}`, await load(`model/${name}`, { onBytes, signal }));
  })();
  weights.catch(() => {
    weights = undefined;
  });
  return weights;
}

/** A file is read where it lies, each time it is needed. */
function bytesOf(file: File): Promise<ArrayBuffer> {
  return file.arrayBuffer().catch((cause: unknown) => {
    throw new AttuneError('page-file-changed', { file: file.name }, { cause });
  });
}

/** Puts the rows into the files in memory, under the names that messages will call them by. */
async function put(
  { train, evaluation }: DataChoice,
  signal?: AbortSignal,
): Promise<{ readonly dataset: string; readonly evalDataset?: string | undefined }> {
  files.remove(FOLDERS.rows);
  const write = async (rows: Rows, folder: string): Promise<string> => {
    const path = `${folder}/${rows.name.replace(/[/\\]/g, '_')}`;
    const contents = 'file' in rows ? await bytesOf(rows.file) : rows.text;
    // Others may be in its place by now.
    signal?.throwIfAborted();
    await files.write(path, contents);
    return path;
  };
  return {
    dataset: await write(train, FOLDERS.rows),
    evalDataset: evaluation && (await write(evaluation, FOLDERS.evaluationRows)),
  };
}

async function dataOptions(data: DataChoice, signal?: AbortSignal) {
  const { testSize, trainRows, evalRows, textColumn, labelColumn } = data;
  const names = await put(data, signal);
  return {
    ...names,
    testSize: names.evalDataset === undefined ? testSize : undefined,
    trainRows,
    evalRows,
    textColumn,
    labelColumn,
  };
}

async function answerCheck(id: number, data: DataChoice): Promise<void> {
  if (id === lastCheck) say({ type: 'checked', id, summary: await check(data) });
}

async function check(data: DataChoice): Promise<DataSummary> {
  const splits = await loadSplits({ ...(await dataOptions(data)), seed: data.seed });
  const {
    splits: [train, test],
    leaked,
    conflicts,
    notes,
  } = await inspectSplits(splits, await loadTokenizer(), data.maxLength, 0);
  const summary = (split: typeof train) => ({
    rows: split.rows,
    classes: split.classes.map(({ name, rows }) => ({ name, rows })),
    meanTokens: split.lengths.mean,
    longest: split.lengths.max,
    truncated: split.truncated.count,
    duplicates: split.duplicates.count,
  });
  // `rows at most` is no wish for so many.
  return {
    train: summary(train),
    test: summary(test),
    leaked: leaked.count,
    conflicts: conflicts.length,
    notes: notes
      .filter(({ code }) => code !== 'fewer-rows-than-asked')
      .map(({ code, facts }) => noticeSentence({ code, facts: pageFacts(facts) }, PAGE)),
  };
}

async function begin(choice: TrainChoice, stop: Stop): Promise<void> {
  await unlessAborted(leftover, stop.inOrder);
  await discardResult();
  stopped = undefined;
  files.remove(RUN);
  const options = await unlessAborted(dataOptions(choice.data, stop.inOrder), stop.inOrder);
  const rows = new Map(
    [options.dataset, options.evalDataset].flatMap((path) =>
      path === undefined ? [] : [[path, files.read(path)] as const],
    ),
  );
  await train({ choice, options, rows }, stop);
}

/**
 * From the checkpoint in memory, as a run on the command line goes on: to the same bits as one that was never
 * stopped.
 */
async function goOn(stop: Stop): Promise<void> {
  if (!stopped) throw new AttuneError('page-no-stopped-run', {});
  await unlessAborted(leftover, stop.inOrder);
  await discardResult();
  files.remove(FOLDERS.rows);
  for (const [path, bytes] of stopped.begun.rows) await files.write(path, bytes);
  // A run that was stopped at once may have left a newer one.
  const checkpoint = newestCheckpoint();
  if (checkpoint === undefined) throw new AttuneError('page-no-checkpoint', {});
  await train(stopped.begun, stop, { ...stopped, checkpoint });
}

async function discardResult(): Promise<void> {
  await result?.classifier.close();
  result = undefined;
}

async function train(begun: Begun, stop: Stop, from?: Stopped): Promise<void> {
  const {
    choice: { data, epochs, batchSize, learningRate },
    options,
  } = begun;
  await unlessAborted(loadTokenizer(), stop.inOrder);
  await loadWeights(stop.inOrder);
  say({ type: 'preparing', what: 'Reading the rows and preparing the GPU …' });
  const rows = (
    await unlessAborted(loadSplits({ ...options, seed: data.seed, signal: stop.inOrder }), stop.inOrder)
  ).train.length;
  const steps = Math.max(1, Math.round(Math.ceil(rows / batchSize) * epochs));
  const args = resolveArguments({
    outputDir: RUN,
    numTrainEpochs: epochs,
    perDeviceTrainBatchSize: batchSize,
    perDeviceEvalBatchSize: batchSize,
    learningRate,
    warmupRatio: 0.1,
    weightDecay: 0.01,
    loggingSteps: Math.max(1, Math.ceil(steps / POINTS)),
    loggingFirstStep: true,
    evalStrategy: 'epoch',
    saveStrategy: 'no',
    // Of what a stopped run is left with: the memory is the page's.
    saveTotalLimit: 1,
    resumeFromCheckpoint: from?.checkpoint,
    maxLength: data.maxLength,
    seed: data.seed,
  });
  const started = performance.now();
  let told = 0;
  // A run that was stopped at once may have work under way; nobody is to hear of it.
  const report = (message: FromWorker): void => void (stop.atOnce.aborted || say(message));
  const seconds = (): number => (from?.seconds ?? 0) + (performance.now() - started) / 1000;
  /** Whether it is time to report again; if so, that is remembered. */
  const isDue = (): boolean => {
    if (performance.now() - told < TELL_MS) return false;
    told = performance.now();
    return true;
  };
  let evaluated = from?.evaluated ?? 0;
  const onEvaluate = ({
    record,
    metrics: { loss, accuracy, f1, auc, perClass, confusion },
  }: Evaluation): void => {
    evaluated = record.step;
    report({
      type: 'evaluation',
      step: record.step,
      rows: perClass.reduce((sum, { support }) => sum + support, 0),
      labels: perClass.map(({ label }) => label),
      scores: { loss, accuracy, f1, auc, perClass, confusion },
    });
  };
  let last = { step: 0, steps };
  const callbacks: TrainerCallback[] = [
    {
      onTrainBegin: ({ totalSteps }, step) => {
        last = { step, steps: totalSteps };
      },
      onStep: (step, plan) => {
        last = { step, steps: plan.totalSteps };
        if (isDue() || step === plan.totalSteps)
          report({ type: 'step', ...last, epoch: (epochs * step) / plan.totalSteps, seconds: seconds() });
      },
      onLog: (record) => report({ type: 'record', record }),
      onEvaluationProgress: (done, of) => {
        if (isDue()) report({ type: 'evaluating', done, rows: of });
      },
      onEvaluate,
      onWarning: (message) => report({ type: 'warning', message }),
    },
  ];
  const run = await prepared(
    { ...options, model: MODEL, device: 'webgpu', args, callbacks, signal: stop.inOrder },
    stop,
  );
  const evaluateStopped = async (): Promise<void> => {
    if (evaluated === last.step) return;
    const evaluation = await run.trainer.evaluate(stop.atOnce);
    report({ type: 'record', record: evaluation.record });
    onEvaluate(evaluation);
  };
  const folder = await finish(run, evaluateStopped, stop);
  const classifier = await TextClassifier.fromPretrained(folder, {
    maxLength: data.maxLength,
    device: 'webgpu',
  });
  result = { folder, classifier };
  stopped = folder === RUN ? undefined : { begun, checkpoint: folder, seconds: seconds(), evaluated };
  // The run is whole: nobody goes on from where it was stopped.
  if (!stopped) for (const name of checkpoints()) files.remove(`${RUN}/${name}`);
  const bytes = [...contents(folder).values()].reduce((sum, each) => sum + each.length, 0);
  say({
    type: 'trained',
    ...last,
    seconds: seconds(),
    bytes,
    labels: classifier.labels,
    stopped: stopped !== undefined,
  });
}

/** Names of the checkpoints of the run, oldest first. */
const checkpoints = (): string[] =>
  files
    .list(RUN)
    .filter((name) => /^checkpoint-\d+$/.test(name))
    .sort((a, b) => Number(a.slice('checkpoint-'.length)) - Number(b.slice('checkpoint-'.length)));

function newestCheckpoint(): string | undefined {
  const name = checkpoints().at(-1);
  return name && `${RUN}/${name}`;
}

/** A run that is ready to train. One that is stopped meanwhile is closed when it is ready. */
function prepared(options: FineTuneOptions, stop: Stop): Promise<FineTuneRun> {
  const preparing = prepareFineTune(options);
  return unlessAborted(preparing, stop.inOrder).catch((error: unknown) => {
    leftover = preparing.then((run) => run.close()).catch(() => undefined);
    throw error;
  });
}

/**
 * Trains to the end, or until it is stopped. Returns the folder of the model, which in the latter case is
 * that of the checkpoint the run was left with.
 */
async function finish(run: FineTuneRun, evaluateStopped: () => Promise<void>, stop: Stop): Promise<string> {
  const training = run.train();
  try {
    await unlessAborted(training, stop.atOnce);
    return RUN;
  } catch (error) {
    if (!(error instanceof InterruptedError)) throw error;
    const checkpoint = newestCheckpoint();
    if (checkpoint === undefined) throw new AttuneError(stop.beforeTraining, {}, { cause: error });
    await unlessAborted(evaluateStopped(), stop.atOnce).catch((reason: unknown) => {
      // The checkpoint is whole; it is only not evaluated.
      if (!stop.atOnce.aborted) throw reason;
    });
    return checkpoint;
  } finally {
    leftover = Promise.allSettled([run.close(), training]);
    if (!stop.atOnce.aborted) await leftover;
  }
}

async function predict(id: number, text: string): Promise<void> {
  if (!result) throw new AttuneError('page-no-model', {});
  const [{ label, scores }] = await result.classifier.predict([text]);
  say({ type: 'prediction', id, prediction: { text, label, scores } });
}

/** The model as transformers loads it, with the run's records. */
function contents(folder: string): Map<string, Uint8Array> {
  return new Map(
    [...files.folder(RUN), ...files.folder(folder)].filter(([name]) => !NOT_IN_ARCHIVE.has(name)),
  );
}

async function archive(): Promise<void> {
  if (!result) throw new AttuneError('page-no-model', {});
  const name = `${(await demo()).model.name.replace(/[^\w.-]+/g, '-')}-finetuned`;
  say({ type: 'archived', name: `${name}.zip`, blob: await zipped(name, contents(result.folder)) });
}
