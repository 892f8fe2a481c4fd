/** `attune doctor`: what this machine has, what is missing and how to get it. */
import { createRequire } from 'node:module';
import { cpus, totalmem } from 'node:os';
import type { Command } from 'commander';
import { loadSample } from '../data/sample.js';
import { packRows } from '../engine/batch.js';
import { usableCores } from '../engine/cores.js';
import type { Engine } from '../engine/engine.js';
import { referenceEngine } from '../engine/reference/session.js';
import { AttuneError } from '../errors/attune-error.js';
import { factNumber } from '../errors/phrases/values.js';
import { errorSentence } from '../errors/shell.js';
import { parseConfig } from '../model/config.js';
import { embeddedModelFolder } from '../model/embedded.js';
import { gpt2Graphs } from '../model/gpt2.js';
import { elementCount } from '../model/parameters.js';
import { fromPretrained } from '../model/pretrained.js';
import { Generator, normal } from '../random/normal.js';
import type { CliContext } from './context.js';
import { COMMAND_LINE } from './shell.js';
import { packageVersion } from './version.js';

interface Finding {
  readonly what: string;
  readonly ok: boolean;
  readonly found: string;
  /** How to mend it. */
  readonly hint?: string;
}

export async function doctor(_command: Command, { terminal, results }: CliContext): Promise<void> {
  const findings = [
    { what: 'attune', ok: true, found: packageVersion() },
    { what: 'Node.js', ok: true, found: `${process.versions.node} on ${process.platform} ${process.arch}` },
    {
      what: 'processor',
      ok: true,
      found: `${cpus()[0]?.model.trim() ?? 'unknown'}, ${usableCores()} of ${cpus().length} cores may be used`,
    },
    memoryFinding(),
    await check(
      'CPU engine',
      cpuEngine,
      'Install again with `npm ci`; on Linux onnxruntime-node needs glibc 2.28 or newer (not musl).',
    ),
    { what: 'GPU engine', ok: true, found: await gpuEngine() },
    await check(
      'embedded model',
      embeddedModel,
      'Install attune again: its folder models/gpt2-mini is incomplete.',
    ),
    await check('bundled sample', sample, 'Install attune again with its dependencies (npm install).'),
  ] satisfies Finding[];
  for (const { what, ok, found, hint } of findings) {
    results.line(`${ok ? 'ok     ' : 'MISSING'}  ${what.padEnd(16)}${found}`);
    if (!ok && hint) terminal.print(`         ${hint}`, 'yellow');
  }
  const missing = findings.filter(({ ok }) => !ok);
  if (missing.length > 0)
    throw new AttuneError('installation-unusable', { parts: missing.map(({ what }) => what) });
  terminal.print('Everything that attune needs is here.');
}

/** gpt2 (124M) with AdamW's state peaks below this; the embedded model needs a tenth. */
const COMFORTABLE_GIB = 4;

function memoryFinding(): Finding {
  const gib = totalmem() / 2 ** 30;
  const limit = process.constrainedMemory();
  const usable = limit > 0 && limit < totalmem() ? limit / 2 ** 30 : gib;
  const remark =
    usable < COMFORTABLE_GIB ? `: enough for gpt2-mini; gpt2 (124M) wants ${COMFORTABLE_GIB} GiB` : '';
  return { what: 'memory', ok: true, found: `${usable.toFixed(1)} GiB${remark}` };
}

async function check(what: string, probe: () => Promise<string>, hint: string): Promise<Finding> {
  try {
    return { what, ok: true, found: await probe() };
  } catch (error) {
    return { what, ok: false, found: reasonOf(error), hint };
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof AttuneError) return errorSentence(error, COMMAND_LINE);
  return error instanceof Error ? error.message : String(error);
}

/** One training step of a tiny model, compared with the float64 reference engine. */
async function cpuEngine(): Promise<string> {
  const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };
  const { onnxEngine } = await import('../engine/onnx/session.js');
  const difference = Math.abs((await tinyLoss(onnxEngine)) - (await tinyLoss(referenceEngine)));
  if (!(difference < 1e-4))
    throw new AttuneError('training-step-inaccurate', { difference: factNumber(difference) });
  return `onnxruntime-node ${version}, a training step agrees with the reference to ${difference.toExponential(1)}`;
}

/**
 * The adapter with its limits and features, and whether `--device auto` takes it. A machine without a GPU
 * lacks nothing.
 */
async function gpuEngine(): Promise<string> {
  const { findAdapter, webGpuEngine, whyNoAdapter } = await import('../engine/webgpu/node.js');
  const { noGpuDevice } = await import('../engine/webgpu/presence.js');
  const reason = noGpuDevice() ?? (await whyNoAdapter());
  if (reason !== undefined && process.env['VK_ICD_FILENAMES'] === undefined) return `not used: ${reason}`;
  const found = await findAdapter();
  if ('reason' in found) return `not used: ${found.reason}`;
  const { name, limits, features } = found.report;
  const difference = Math.abs((await tinyLoss(webGpuEngine)) - (await tinyLoss(referenceEngine)));
  if (!(difference < 1e-4))
    return `not to be used: with ${name}, the loss of a training step is off by ${difference}; use --device cpu`;
  const detail = (title: string, text: string): string => `\n${' '.repeat(25)}${title}: ${text}`;
  return [
    `${name}, a training step agrees with the reference to ${difference.toExponential(1)}`,
    ...(reason === undefined ? [] : [detail('--device auto does not take it', reason)]),
    detail(
      'limits',
      Object.entries(limits)
        .map(([limit, value]) => `${limit} ${value}`)
        .join(', '),
    ),
    detail('features', features.join(', ') || 'none'),
    detail('matrix units', await matrixUnits()),
  ].join('');
}

/** What the adapter says of itself when it is asked for experiments too. */
async function matrixUnits(): Promise<string> {
  const { findAdapter } = await import('../engine/webgpu/node.js');
  const { matrixUnitOf, nameOfUnit } = await import('../engine/webgpu/matrix-unit.js');
  const found = await findAdapter(true);
  if ('reason' in found || found.report.matrixUnits.length === 0) return 'none';
  const unit = matrixUnitOf(found.adapter);
  const use = unit ? `takes ${nameOfUnit(unit)}` : 'can use none of them';
  return `${found.report.matrixUnits.join(', ')}; --device webgpu-matrix-units ${use}`;
}

async function tinyLoss(engine: Engine): Promise<number> {
  const config = parseConfig(
    {
      model_type: 'gpt2',
      vocab_size: 64,
      n_positions: 16,
      n_embd: 16,
      n_layer: 2,
      n_head: 2,
      embd_pdrop: 0,
      attn_pdrop: 0,
      resid_pdrop: 0,
    },
    'a tiny model',
  );
  const graphs = gpt2Graphs(config);
  const session = await engine.open(graphs, { seed: 1 });
  try {
    const generator = new Generator(1);
    for (const { name, shape } of graphs.parameters)
      await session.writeTensor('parameter', name, normal(elementCount(shape), 0, 0.3, generator));
    const batch = packRows(
      [
        { ids: Int32Array.of(1, 2, 3), blind: false },
        { ids: Int32Array.of(4, 5, 6, 7, 8), blind: false },
      ],
      [0, 1],
    );
    const update = {
      learningRate: 0,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0,
      maxGradNorm: 1,
      step: 1,
    };
    const { losses } = await session.step({
      microBatches: [batch],
      lossWeights: [0.5],
      firstPass: 0,
      update,
    });
    return losses[0];
  } finally {
    await session.close();
  }
}

async function embeddedModel(): Promise<string> {
  const { config, tokenizer } = await fromPretrained(embeddedModelFolder(), { labelNames: ['a', 'b'] });
  return `gpt2-mini, ${config.nLayer} layers, vocabulary of ${tokenizer.vocabSize}`;
}

async function sample(): Promise<string> {
  const { train, test } = await loadSample(42);
  return `${train.length} + ${test.length} labelled sentences`;
}
