/** The worker of the demo page: it holds model, rows and result in memory and computes, so that the page stays alive. It asks for what lies beside it and nothing else. */
import type { Evaluation, FineTuneRun, TextClassifier as Classifier, TrainerCallback } from './attune.js';
import type { DemoSettings } from '../demo-settings.js';
import { zipped } from './archive.js';
import { AttuneError, files, findAdapter, inspectSplits, InterruptedError, loadSplits, prepareFineTune, resolveArguments, TextClassifier, Tokenizer } from './attune.js';
import type { DataChoice, DataSummary, FromWorker, Problem, Rows, ToWorker, TrainChoice } from './protocol.js';

interface WorkerScope {
  postMessage(message: FromWorker): void;
  onmessage: (event: MessageEvent<ToWorker>) => void;
}
const scope = self as unknown as WorkerScope;
const say = (message: FromWorker): void => scope.postMessage(message);

const MODEL = '/model';
const RUN = '/run';
/** Curves have about this many points. */
const POINTS = 150;
const TELL_MS = 100;
/** What a checkpoint holds beside the model: it is for going on with the run, not for using the model. */
const NOT_IN_ARCHIVE = new Set(['optimizer.safetensors', 'attune_state.json', 'checksums.json']);

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
let abort: AbortController | undefined;
let result: { readonly folder: string; readonly classifier: Classifier } | undefined;
/** The last run, where it can be gone on with. */
let stopped: Stopped | undefined;
/** Of this run alone: predictions and runs take turns. */
let queue: Promise<unknown> = Promise.resolve();

scope.onmessage = ({ data }) => void handle(data);

function handle(message: ToWorker): Promise<void> {
  switch (message.type) {
    case 'start':
      return inTurn(start, (problem) => say({ type: 'failed', problem }));
    case 'check':
      return inTurn(async () => say({ type: 'checked', id: message.id, summary: await check(message.data) }), (problem) => say({ type: 'refused', id: message.id, problem }));
    case 'train':
      abort = new AbortController();
      return inTurn(() => begin(message.choice, abort!.signal), (problem) => say({ type: 'failed', problem }));
    case 'continue':
      abort = new AbortController();
      return inTurn(() => goOn(abort!.signal), (problem) => say({ type: 'failed', problem }));
    case 'stop':
      abort?.abort();
      return Promise.resolve();
    case 'predict':
      return inTurn(() => predict(message.id, message.text), (problem) => say({ type: 'unpredicted', id: message.id, problem }));
    case 'archive':
      return inTurn(archive, (problem) => say({ type: 'failed', problem }));
  }
}

function inTurn(work: () => Promise<void>, refuse: (problem: Problem) => void): Promise<void> {
  const turn = queue.then(work).catch((error: unknown) => refuse(problemOf(error)));
  queue = turn;
  return turn;
}

/** Hints that speak of the command line's options are of no use here. */
function problemOf(error: unknown): Problem {
  if (error instanceof AttuneError) return { message: error.message.replaceAll(`${RUN}/`, ''), hint: error.hint === undefined || /--[a-z]/.test(error.hint) ? undefined : error.hint };
  return { message: error instanceof Error ? error.message : String(error), hint: 'Load the page again. If it happens again, please report it with what you did.' };
}

async function fetched(name: string, onBytes: (bytes: number) => void = () => undefined): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(new URL(name, import.meta.url)).catch((cause: unknown) => {
    throw new AttuneError(`${name} cannot be loaded`, { cause, hint: 'Is the server that gave you this page still running?' });
  });
  if (!response.ok || !response.body) throw new AttuneError(`${name} cannot be loaded: the server says ${response.status}`);
  const pieces: Uint8Array[] = [];
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    pieces.push(value);
    onBytes(value.length);
  }
  return new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer());
}

const demo = (): Promise<DemoSettings> => (settings ??= fetched('demo.json').then((bytes) => JSON.parse(new TextDecoder().decode(bytes)) as DemoSettings));

const isWeights = (name: string): boolean => name.endsWith('.safetensors');

async function start(): Promise<void> {
  const { model } = await demo();
  const found = await findAdapter();
  if ('reason' in found) return say({ type: 'unsupported', reason: found.reason, model: model.name });
  say({ type: 'ready', model: model.name, bytes: model.bytes, adapter: found.report.name, software: found.report.software });
}

/** Config and tokenizer are small and come first; the weights come when they are needed. */
function loadTokenizer(): Promise<Tokenizer> {
  tokenizer ??= (async () => {
    for (const name of (await demo()).model.files.filter((each) => !isWeights(each))) await files.write(`${MODEL}/${name}`, await fetched(`model/${name}`));
    return Tokenizer.fromDirectory(MODEL);
  })();
  tokenizer.catch(() => (tokenizer = undefined));
  return tokenizer;
}

function loadWeights(): Promise<void> {
  weights ??= (async () => {
    const { model } = await demo();
    let done = 0;
    let told = 0;
    const count = (bytes: number): void => {
      done += bytes;
      if (performance.now() - told < TELL_MS) return;
      told = performance.now();
      say({ type: 'loading', done, total: model.bytes });
    };
    for (const name of model.files.filter(isWeights)) await files.write(`${MODEL}/${name}`, await fetched(`model/${name}`, count));
  })();
  weights.catch(() => (weights = undefined));
  return weights;
}

/** Puts the rows into the files in memory, under the names that messages will call them by. */
async function put({ train, evaluation }: DataChoice): Promise<{ readonly dataset: string; readonly evalDataset?: string }> {
  files.remove('data');
  const write = async (rows: Rows, folder: string): Promise<string> => {
    const path = `${folder}/${rows.name.replace(/[/\\]/g, '_')}`;
    await files.write(path, 'file' in rows ? rows.file : rows.text);
    return path;
  };
  return { dataset: await write(train, 'data'), ...(evaluation && { evalDataset: await write(evaluation, 'data/evaluation') }) };
}

async function dataOptions(data: DataChoice) {
  const { testSize, trainRows, evalRows, textColumn, labelColumn } = data;
  const names = await put(data);
  return { ...names, ...(names.evalDataset === undefined && { testSize }), trainRows, evalRows, textColumn, labelColumn };
}

async function check(data: DataChoice): Promise<DataSummary> {
  const splits = await loadSplits({ ...(await dataOptions(data)), seed: data.seed });
  const { splits: [train, test], leaked, conflicts, notes } = await inspectSplits(splits, await loadTokenizer(), data.maxLength, 0);
  const summary = (split: typeof train) => ({
    rows: split.rows,
    classes: split.classes.map(({ name, rows }) => ({ name, rows })),
    meanTokens: split.lengths.mean,
    longest: split.lengths.max,
    truncated: split.truncated.count,
    duplicates: split.duplicates.count,
  });
  // `rows at most` is no wish for so many.
  return { train: summary(train), test: summary(test), leaked: leaked.count, conflicts: conflicts.length, notes: notes.filter((note) => !note.includes('asked for')) };
}

async function begin(choice: TrainChoice, signal: AbortSignal): Promise<void> {
  await discardResult();
  stopped = undefined;
  files.remove(RUN);
  const options = await dataOptions(choice.data);
  const rows = new Map([options.dataset, options.evalDataset].flatMap((path) => (path === undefined ? [] : [[path, files.read(path)] as const])));
  await train({ choice, options, rows }, signal);
}

/** From the checkpoint in memory, as a run on the command line goes on: to the same bits as one that was never stopped. */
async function goOn(signal: AbortSignal): Promise<void> {
  if (!stopped) throw new AttuneError('there is no stopped run to go on with');
  await discardResult();
  files.remove('data');
  for (const [path, bytes] of stopped.begun.rows) await files.write(path, bytes);
  await train(stopped.begun, signal, stopped);
}

async function discardResult(): Promise<void> {
  await result?.classifier.close();
  result = undefined;
}

async function train(begun: Begun, signal: AbortSignal, from?: Stopped): Promise<void> {
  const { choice: { data, epochs, batchSize, learningRate }, options } = begun;
  await loadTokenizer();
  await loadWeights();
  say({ type: 'preparing', what: 'Reading the rows and preparing the GPU …' });
  const rows = (await loadSplits({ ...options, seed: data.seed })).train.length;
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
    ...(from && { resumeFromCheckpoint: from.checkpoint }),
    maxLength: data.maxLength,
    seed: data.seed,
  });
  const started = performance.now();
  let told = 0;
  const seconds = (): number => (from?.seconds ?? 0) + (performance.now() - started) / 1000;
  const told100 = (): boolean => performance.now() - told >= TELL_MS && ((told = performance.now()), true);
  let evaluated = from?.evaluated ?? 0;
  const onEvaluate = ({ record, metrics: { loss, accuracy, f1, auc, perClass, confusion } }: Evaluation): void => {
    evaluated = record.step;
    say({ type: 'evaluation', step: record.step, rows: perClass.reduce((sum, { support }) => sum + support, 0), labels: perClass.map(({ label }) => label), scores: { loss, accuracy, f1, auc, perClass, confusion } });
  };
  let last = { step: 0, steps };
  const callbacks: TrainerCallback[] = [
    {
      onTrainBegin: ({ totalSteps }, step) => (last = { step, steps: totalSteps }),
      onStep: (step, plan) => {
        last = { step, steps: plan.totalSteps };
        if (told100() || step === plan.totalSteps) say({ type: 'step', ...last, epoch: (epochs * step) / plan.totalSteps, seconds: seconds() });
      },
      onLog: (record) => say({ type: 'record', record }),
      onEvaluationProgress: (done, of) => void (told100() && say({ type: 'evaluating', done, rows: of })),
      onEvaluate,
      onWarning: (message) => say({ type: 'warning', message }),
    },
  ];
  const run = await prepareFineTune({ ...options, model: MODEL, device: 'webgpu', args, callbacks, signal });
  const evaluateStopped = async (): Promise<void> => {
    if (evaluated === last.step) return;
    const evaluation = await run.trainer.evaluate();
    say({ type: 'record', record: evaluation.record });
    onEvaluate(evaluation);
  };
  const folder = await finish(run, evaluateStopped);
  const classifier = await TextClassifier.fromPretrained(folder, { maxLength: data.maxLength, device: 'webgpu' });
  result = { folder, classifier };
  stopped = folder === RUN ? undefined : { begun, checkpoint: folder, seconds: seconds(), evaluated };
  // The run is whole: nobody goes on from where it was stopped.
  if (!stopped) for (const name of checkpoints()) files.remove(`${RUN}/${name}`);
  const bytes = [...contents(folder).values()].reduce((sum, each) => sum + each.length, 0);
  say({ type: 'trained', ...last, seconds: seconds(), bytes, labels: classifier.labels, stopped: stopped !== undefined });
}

/** Names of the checkpoints of the run, oldest first. */
const checkpoints = (): string[] =>
  files.list(RUN).filter((name) => /^checkpoint-\d+$/.test(name)).sort((a, b) => Number(a.slice('checkpoint-'.length)) - Number(b.slice('checkpoint-'.length)));

/** Trains to the end, or until it is stopped. Returns the folder of the model, which in the latter case is that of the checkpoint the run was left with. */
async function finish(run: FineTuneRun, evaluateStopped: () => Promise<void>): Promise<string> {
  try {
    await run.train();
    return RUN;
  } catch (error) {
    if (!(error instanceof InterruptedError)) throw error;
    const checkpoint = checkpoints().at(-1);
    if (checkpoint === undefined) throw new AttuneError('the run was stopped before its first step: there is no model of it', { cause: error });
    await evaluateStopped();
    return `${RUN}/${checkpoint}`;
  } finally {
    await run.close();
  }
}

async function predict(id: number, text: string): Promise<void> {
  if (!result) throw new AttuneError('there is no trained model yet');
  const [{ label, scores }] = await result.classifier.predict([text]);
  say({ type: 'prediction', id, prediction: { text, label, scores } });
}

/** The model as transformers loads it, with the run's records. */
function contents(folder: string): Map<string, Uint8Array> {
  return new Map([...files.folder(RUN), ...files.folder(folder)].filter(([name]) => !NOT_IN_ARCHIVE.has(name)));
}

async function archive(): Promise<void> {
  if (!result) throw new AttuneError('there is no trained model yet');
  const name = `${(await demo()).model.name.replace(/[^\w.-]+/g, '-')}-finetuned`;
  say({ type: 'archived', name: `${name}.zip`, blob: await zipped(name, contents(result.folder)) });
}
