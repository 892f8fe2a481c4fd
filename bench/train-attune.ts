/** attune's side of bench/train.ts: reads requests from stdin, one JSON object a line. */
import { createInterface } from 'node:readline';
import { packRows } from '#attune/engine/batch.js';
import type { EngineSession } from '#attune/engine/engine.js';
import { onnxEngine } from '#attune/engine/onnx/session.js';
import { parseConfig, withLabels } from '#attune/model/config.js';
import { gpt2Graphs } from '#attune/model/gpt2.js';
import { PREDICTION_BATCH, predictLogits } from '#attune/train/prediction.js';
import type { BenchRow } from './batches.js';
import { randomTensor } from './models.js';

interface Setup {
  readonly config: Record<string, unknown>;
  readonly classes: number;
  readonly batches: readonly (readonly BenchRow[])[];
  readonly threads: number;
  /** Predict each batch of rows instead of training on it. */
  readonly predict?: boolean;
}

let session: EngineSession | undefined;
let batches: Setup['batches'] = [];
let classes = 0;
let predict = false;
let steps = 0;

async function setUp(setup: Setup): Promise<object> {
  const config = withLabels(
    parseConfig(setup.config, 'the bench'),
    Array.from({ length: setup.classes }, (_, i) => `LABEL_${i}`),
    0,
  );
  const graphs = gpt2Graphs(config);
  session = await onnxEngine.open(graphs, { seed: 42, threads: setup.threads });
  for (const [i, spec] of graphs.parameters.entries())
    await session.writeTensor('parameter', spec.name, randomTensor(spec, i));
  ({ batches, classes, predict = false } = setup);
  return { ready: true };
}

async function step(index: number): Promise<object> {
  const rows = batches[index % batches.length];
  if (predict) {
    const encoded = rows.map(({ ids }) => ({ ids: Int32Array.from(ids), blind: false }));
    const started = performance.now();
    await predictLogits(session!, encoded, classes, PREDICTION_BATCH);
    const ms = performance.now() - started;
    return { ms, forwardBackward: ms, clip: 0, optimizer: 0, loss: 0 };
  }
  const batch = packRows(
    rows.map(({ ids }) => ({ ids: Int32Array.from(ids), blind: false })),
    rows.map(({ label }) => label),
  );
  const started = performance.now();
  const result = await session!.step({
    microBatches: [batch],
    lossWeights: [1 / rows.length],
    firstPass: steps,
    update: {
      learningRate: 5e-5,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0.01,
      maxGradNorm: 1,
      step: ++steps,
    },
  });
  const { forwardBackward, norm, update } = result.milliseconds!;
  return {
    ms: performance.now() - started,
    forwardBackward,
    clip: norm,
    optimizer: update,
    loss: result.losses[0],
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line) as Setup | { step: number } | { end: true };
  let answer: object;
  if ('step' in request) answer = await step(request.step);
  else if ('end' in request) {
    await session!.close();
    answer = { peakMib: process.resourceUsage().maxRSS / 1024 };
  } else answer = await setUp(request);
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
