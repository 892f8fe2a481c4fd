/**
 * The GPU engine on this machine's GPU: `npm run bench:gpu -- [options]`, or run.sh of the bundle that `npm
 * run bench:gpu-bundle` makes.
 *
 *   --model gpt2            gpt2 (124M, random weights), gpt2-mini (the embedded one's shape)
 *   --parts check,products,kernels,steps,job,torch
 *   --steps 40              steps that count, after 5
 *   --matrix-units          products on the GPU's matrix units, in their precision
 *   --quick                 the embedded model's shape and few of everything: whether it runs at all, on a
 *   software adapter too
 *
 * PyTorch and transformers' Trainer take part where ATTUNE_PYTHON names a Python with torch, CUDA and
 * transformers (bench/gpu_torch.py). All ids are made up, with the notebook's lengths. Where an adapter has
 * no timestamps, products are timed by the wall clock and kernels are not told apart.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packRows } from '#attune/engine/batch.js';
import type { EngineSession } from '#attune/engine/engine.js';
import { referenceEngine } from '#attune/engine/reference/session.js';
import { openDevice } from '#attune/engine/webgpu/gpu.js';
import { nameOfUnit } from '#attune/engine/webgpu/matrix-unit.js';
import { findAdapter, requiredUnit } from '#attune/engine/webgpu/node.js';
import { WebGpuSession } from '#attune/engine/webgpu/session.js';
import { parseConfig, withLabels } from '#attune/model/config.js';
import { embeddedModelFolder } from '#attune/model/embedded.js';
import { gpt2Graphs } from '#attune/model/gpt2.js';
import { Tokenizer } from '#attune/text/tokenizer.js';
import { resolveArguments } from '#attune/train/arguments.js';
import { PREDICTION_BATCH, predictLogits } from '#attune/train/prediction.js';
import { PRESETS } from '#attune/train/presets.js';
import { Trainer } from '#attune/train/trainer.js';
import type { LabelledRows } from '#attune/train/evaluate.js';
import { timeProducts, timeStepByKernel } from './gpu-kernels.js';
import { median } from './median.js';
import { MODELS, randomTensor } from './models.js';
import type { ModelName } from './models.js';
import { syntheticRows } from './synthetic.js';

const CLASSES = 3;
const WARM_UP = 5;
const PARTS = 'check,products,kernels,steps,job,torch';
const UPDATE = {
  learningRate: 5e-5,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.01,
  maxGradNorm: 1,
};

const { values: options } = parseArgs({
  options: {
    model: { type: 'string' },
    parts: { type: 'string' },
    steps: { type: 'string' },
    'matrix-units': { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
  },
});
const quick = options.quick;
const name = (options.model ?? (quick ? 'gpt2-mini' : 'gpt2')) as ModelName;
const parts = new Set((options.parts ?? PARTS).split(','));
const steps = Number(options.steps ?? (quick ? 1 : 40));
const warmUp = quick ? 1 : WARM_UP;
/** Rows a batch and tokens a row (absent: the notebook's lengths) of the steps that are timed. */
const WORKLOADS: readonly [rows: number, length?: number][] = quick ? [[4]] : [[4], [32, 40], [32, 128]];

const onUnits = options['matrix-units'];
const found = await findAdapter(onUnits);
if ('reason' in found) {
  console.error(`${found.reason}. Vulkan needs a driver; VK_ICD_FILENAMES may name its file.`);
  process.exit(1);
}
const unit = onUnits ? requiredUnit(found.adapter, found.report) : undefined;
const gpu = await openDevice(found.adapter, ['timestamp-query'], unit);
const { config: shape } = MODELS[name];
const config = withLabels(
  parseConfig(shape, 'the bench'),
  Array.from({ length: CLASSES }, (_, i) => `LABEL_${i}`),
  0,
);
const graphs = gpt2Graphs(config);
const software = found.report.software ? ' (computes in software: times say nothing about a GPU)' : '';
console.log(
  `${found.report.name}${software}, Node ${process.versions.node}, ${process.platform} ${process.arch}`,
);
const hasTimestamps = gpu.device.features.has('timestamp-query');
console.log(
  `timestamps: ${hasTimestamps ? 'yes' : 'no'}; ` +
    `products: ${unit ? `matrix units, ${nameOfUnit(unit)}` : 'float32'}`,
);

const format = (value: number, digits = 2): string => value.toFixed(digits).padStart(9);
const packed = ({ rows, labels }: LabelledRows, first: number, count: number) =>
  packRows(rows.slice(first, first + count), labels.slice(first, first + count));

async function openSession(): Promise<WebGpuSession> {
  const session = new WebGpuSession(gpu, graphs, { seed: 42, description: 'the bench' });
  for (const [i, spec] of graphs.parameters.entries())
    await session.writeTensor('parameter', spec.name, randomTensor(spec, i));
  return session;
}

/** One step of a small model beside the float64 reference engine: numbers before times. */
async function check(): Promise<void> {
  const tiny = withLabels(
    parseConfig(
      { model_type: 'gpt2', vocab_size: 300, n_positions: 64, n_embd: 48, n_layer: 2, n_head: 3 },
      'the check',
    ),
    ['a', 'b', 'c'],
    0,
  );
  const model = gpt2Graphs(tiny);
  const batch = packed(syntheticRows(4, 300, CLASSES, 7, 15), 0, 4);
  const outcome = async (session: EngineSession) => {
    for (const [i, spec] of model.parameters.entries())
      await session.writeTensor('parameter', spec.name, randomTensor(spec, i));
    const { losses, gradNorm } = await session.step({
      microBatches: [batch],
      lossWeights: [1 / 4],
      firstPass: 0,
      update: { ...UPDATE, step: 1 },
    });
    await session.close();
    return { loss: losses[0], gradNorm };
  };
  const ours = await outcome(new WebGpuSession(gpu, model, { seed: 1, description: 'check' }));
  const exact = await outcome(await referenceEngine.open(model, { seed: 1 }));
  const differences = [Math.abs(ours.loss - exact.loss), Math.abs(ours.gradNorm / exact.gradNorm - 1)];
  const [loss, norm] = differences.map((difference) => difference.toExponential(1));
  console.log(
    `\nA step of a small model beside float64: loss differs by ${loss}, the gradient's norm by ${norm} of it`,
  );
  if (!(Math.max(...differences) < (unit?.operands === 'f16' ? 2e-2 : 2e-4)))
    throw new Error('the GPU computes wrong numbers: no times of those');
}

async function products(): Promise<void> {
  const { nEmbd } = config;
  const weights = [
    [nEmbd, 3 * nEmbd],
    [nEmbd, nEmbd],
    [nEmbd, 4 * nEmbd],
    [4 * nEmbd, nEmbd],
  ];
  const tokens = quick ? [16] : [16, 64, 80, 128, 512, 1280, 4096];
  console.log(`\nProducts, TFLOP/s (ms): ${hasTimestamps ? 'timestamps, medians' : 'by the wall clock'}`);
  console.log('  tokens    weight        forward              dX                  dW');
  for (const count of tokens) {
    for (const [k, n] of quick ? weights.slice(1, 2) : weights) {
      const times = await timeProducts(gpu, count, k, n, quick ? 2 : 30);
      const cells = times.map(
        ({ shape: [m, columns, inner], ms }) =>
          `${format((2 * m * columns * inner) / ms / 1e9, 3)} (${ms.toFixed(3)})`,
      );
      console.log(`  ${String(count).padStart(6)}  ${`${k} x ${n}`.padStart(11)} ${cells.join(' ')}`);
    }
  }
}

async function kernels(): Promise<void> {
  const rows = syntheticRows(4 * (quick ? 2 : 20), config.vocabSize, CLASSES, 42);
  const batches = Array.from({ length: rows.rows.length / 4 }, (_, b) => packed(rows, 4 * b, 4));
  const times = await timeStepByKernel(gpu, graphs, batches, { ...UPDATE, step: 1 });
  if (!times) {
    console.log('\nA step by kernel: the adapter has no timestamps.');
    return;
  }
  console.log(
    `\nA step of the notebook's job by kernel (${name}, batches of 4, each kernel in a pass of its own, ` +
      `medians of ${batches.length - 1}), ms`,
  );
  for (const { label, count, ms } of times)
    console.log(`  ${label.padEnd(28)}${String(count).padStart(5)} x ${format(ms, 3)}`);
  console.log(
    `  ${'together'.padEnd(28)}${String(times.reduce((sum, { count }) => sum + count, 0)).padStart(5)}   ${format(
      times.reduce((sum, { ms }) => sum + ms, 0),
      3,
    )}`,
  );
}

async function stepTimes(): Promise<void> {
  const session = await openSession();
  console.log(
    `\nTraining steps, ${name}: medians of groups of ten whose results are read once, ${steps} steps after ${warmUp}`,
  );
  for (const [rows, length] of WORKLOADS) {
    const data = syntheticRows(rows * (warmUp + steps), config.vocabSize, CLASSES, 42, length);
    const group = Math.min(10, steps);
    const times: number[] = [];
    let tokens = 0;
    for (let first = 0; first < warmUp + steps;) {
      const count = first < warmUp ? warmUp - first : Math.min(group, warmUp + steps - first);
      const batches = Array.from({ length: count }, (_, i) => packed(data, (first + i) * rows, rows));
      const started = performance.now();
      const results = batches.map((batch, i) =>
        session.step({
          microBatches: [batch],
          lossWeights: [1 / rows],
          firstPass: first + i,
          update: { ...UPDATE, step: first + i + 1 },
          deferResult: i < count - 1,
        }),
      );
      for (const result of await Promise.all(results))
        if (!result.updated) throw new Error('a step was not finite');
      if (first >= warmUp) {
        times.push((performance.now() - started) / count);
        tokens += batches.reduce((sum, batch) => sum + batch.tokens, 0);
      }
      first += count;
    }
    console.log(
      `  ${rows} rows, ${(tokens / steps).toFixed(1).padStart(7)} tokens ${format(median(times))} ms/step`,
    );
  }
  await session.close();
}

/** The notebook's whole job through attune's trainer: 750 steps, a record every ten, three evaluations. */
async function job(): Promise<void> {
  const { arguments: preset, data } = PRESETS.notebook;
  const outputDir = mkdtempSync(join(tmpdir(), 'attune-bench-'));
  const session = await openSession();
  try {
    const rows = quick ? { train: 4, evaluation: 4 } : { train: data.trainRows, evaluation: data.evalRows };
    const args = resolveArguments({
      ...preset,
      outputDir,
      saveStrategy: 'no',
      numTrainEpochs: quick ? 1 : preset.numTrainEpochs,
    });
    const trainer = new Trainer({
      session,
      config,
      args,
      parameters: graphs.parameters,
      maxLength: 128,
      tokenizer: await Tokenizer.fromDirectory(embeddedModelFolder()),
      train: syntheticRows(rows.train, config.vocabSize, CLASSES, 1),
      evaluation: syntheticRows(rows.evaluation, config.vocabSize, CLASSES, 2),
    });
    // As after a warm start, which the reference has too: pipelines are compiled before.
    await predictLogits(
      session,
      syntheticRows(8, config.vocabSize, CLASSES, 3).rows,
      CLASSES,
      PREDICTION_BATCH,
    );
    const started = performance.now();
    const { state } = await trainer.train();
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(
      `\nThe notebook's job, ${name}: ${state.global_step} steps and ${args.numTrainEpochs} evaluations ` +
        `of ${rows.evaluation} rows in ${seconds} s`,
    );
  } finally {
    await session.close();
    rmSync(outputDir, { recursive: true, force: true });
  }
}

function torch(): void {
  const python = process.env['ATTUNE_PYTHON'];
  const program = join(import.meta.dirname, 'gpu_torch.py');
  if (!python || !existsSync(python)) {
    console.log(
      '\nPyTorch is not compared: ATTUNE_PYTHON names no Python with torch, CUDA and transformers.',
    );
    return;
  }
  const rows = ({ rows: all, labels }: LabelledRows) =>
    all.map(({ ids }, i) => ({ ids: [...ids], label: labels[i] }));
  const setup = {
    config: shape,
    classes: CLASSES,
    steps,
    warmUp,
    workloads: WORKLOADS.map(([count, length]) => ({
      rows: count,
      data: rows(syntheticRows(count * (warmUp + steps), config.vocabSize, CLASSES, 42, length)),
    })),
    job: quick
      ? null
      : {
          train: rows(syntheticRows(1000, config.vocabSize, CLASSES, 1)),
          evaluation: rows(syntheticRows(200, config.vocabSize, CLASSES, 2)),
        },
    tokens: quick ? [16] : [16, 64, 80, 128, 512, 1280, 4096],
    width: config.nEmbd,
  };
  console.log('');
  const { status } = spawnSync(python, [program], {
    input: JSON.stringify(setup),
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  if (status !== 0) console.log(`PyTorch is not compared: its side ended with ${status ?? 'a signal'}.`);
}

if (parts.has('check')) await check();
if (parts.has('products')) await products();
if (parts.has('kernels')) await kernels();
if (parts.has('steps')) await stepTimes();
if (parts.has('job')) await job();
if (parts.has('torch')) torch();
gpu.device.destroy();
// Dawn keeps the process alive otherwise.
process.exit(0);
