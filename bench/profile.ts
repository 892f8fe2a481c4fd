/**
 * Where a training step's time goes, node by node, from ONNX Runtime's own profile: `tsx bench/profile.ts
 * [gpt2-mini|gpt2] [steps] [train|predict]`. Runs the engine's core in this thread, so that its sessions can
 * be told to profile.
 */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { packRows } from '#attune/engine/batch.js';
import { usableCores } from '#attune/engine/cores.js';
import { OnnxCore } from '#attune/engine/onnx/core.js';
import { lowerGraph } from '#attune/engine/onnx/lowering.js';
import { parseConfig, withLabels } from '#attune/model/config.js';
import { gpt2Graphs } from '#attune/model/gpt2.js';
import { benchRows, notebookBatches } from './batches.js';
import { MODELS, randomTensor } from './models.js';
import type { ModelName } from './models.js';

interface Event {
  readonly cat: string;
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly args?: {
    readonly op_name?: string;
    readonly input_type_shape?: readonly Record<string, readonly number[]>[];
    readonly output_type_shape?: readonly Record<string, readonly number[]>[];
  };
}

const name = (process.argv[2] ?? 'gpt2-mini') as ModelName;
const steps = Number(process.argv[3] ?? 10);
const predicts = process.argv[4] === 'predict';
const WARM_UP = 3;

const folder = mkdtempSync(join(tmpdir(), 'attune-profile-'));
const create = InferenceSession.create.bind(InferenceSession) as (
  model: Uint8Array,
  options: InferenceSession.SessionOptions,
) => Promise<InferenceSession>;
Object.assign(InferenceSession, {
  create: (model: Uint8Array, options: InferenceSession.SessionOptions) =>
    create(model, { ...options, enableProfiling: true, profileFilePrefix: join(folder, 'p') }),
});

const { vocabulary, config } = MODELS[name];
let { batches } = await notebookBatches(vocabulary, WARM_UP + steps);
if (predicts) {
  const { rows } = await benchRows(vocabulary, (WARM_UP + steps) * 32);
  batches = Array.from({ length: WARM_UP + steps }, (_, i) => rows.slice(i * 32, (i + 1) * 32));
}
const graphs = gpt2Graphs(withLabels(parseConfig(config, 'the bench'), ['a', 'b', 'c'], 0));
const training = lowerGraph(graphs.training, { preallocated: true });
const core = new OnnxCore({
  parameters: graphs.parameters,
  inference: lowerGraph(graphs.inference),
  training,
  seed: 42,
  threads: usableCores(),
});
for (const [i, spec] of graphs.parameters.entries())
  core.write('parameter', spec.name, randomTensor(spec, i));

const totals = { forwardBackward: 0, norm: 0, update: 0 };
for (const [i, rows] of batches.entries()) {
  const batch = packRows(
    rows.map(({ ids }) => ({ ids: Int32Array.from(ids), blind: false })),
    rows.map(({ label }) => label),
  );
  if (predicts) {
    const started = performance.now();
    await core.infer(batch);
    if (i >= WARM_UP) totals.forwardBackward += (performance.now() - started) / steps;
    continue;
  }
  const { milliseconds } = await core.step({
    microBatches: [batch],
    lossWeights: [1 / rows.length],
    firstPass: i,
    update: {
      learningRate: 5e-5,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0.01,
      maxGradNorm: 1,
      step: i + 1,
    },
  });
  if (i < WARM_UP) continue;
  for (const key of Object.keys(totals) as (keyof typeof totals)[]) totals[key] += milliseconds![key] / steps;
}
(core as unknown as Record<string, InferenceSession>)[predicts ? 'inference' : 'training'].endProfiling();
await core.close();

const events = readdirSync(folder).flatMap(
  (file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Event[],
);
rmSync(folder, { recursive: true });
// Every run of the session is an event; the nodes inside the last `steps` of them count.
const runs = events
  .filter((event) => event.name === 'model_run')
  .sort((a, b) => a.ts - b.ts)
  .slice(-steps);
const within = events.filter(
  (event) => event.cat === 'Node' && event.name.endsWith('_kernel_time') && event.ts >= runs[0].ts,
);
const byOp = new Map<string, { us: number; count: number }>();
const byShape = new Map<string, { us: number; count: number; flops: number }>();
const add = <T extends { us: number; count: number }>(
  map: Map<string, T>,
  key: string,
  empty: T,
  us: number,
): T => {
  const entry = map.get(key) ?? empty;
  map.set(key, entry);
  entry.us += us;
  entry.count++;
  return entry;
};
for (const event of within) {
  const op = event.args?.op_name ?? '?';
  add(byOp, op, { us: 0, count: 0 }, event.dur);
  const shapes = (event.args?.input_type_shape ?? []).map(
    (shape) => `[${Object.values(shape)[0].join(',')}]`,
  );
  // The tokens differ from batch to batch; the shapes of one node do not, but for them.
  const symbolic = shapes.map((shape) =>
    shape.replace(/\d+/g, (n) => (Number(n) % 128 === 0 || Number(n) <= 64 ? n : 'N')),
  );
  const key = `${op} ${symbolic.join(' ')} -> ${Object.values(event.args?.output_type_shape?.[0] ?? {})
    .map(
      (s) => `[${s.join(',').replace(/\d+/g, (n) => (Number(n) % 128 === 0 || Number(n) <= 64 ? n : 'N'))}]`,
    )
    .join('')}`;
  const entry = add(byShape, key, { us: 0, count: 0, flops: 0 }, event.dur);
  if (/Gemm|MatMul/.test(op)) {
    const sizes = event
      .args!.input_type_shape!.slice(0, 2)
      .map((shape) => Object.values(shape)[0].reduce((a, b) => a * b, 1));
    const out = Object.values(event.args!.output_type_shape![0])[0].reduce((a, b) => a * b, 1);
    // m k, k n and m n give m n k.
    entry.flops += 2 * Math.sqrt(sizes[0] * sizes[1] * out);
  }
}
const print = (map: Map<string, { us: number; count: number; flops?: number }>, top: number): void => {
  for (const [key, { us, count, flops }] of [...map].sort((a, b) => b[1].us - a[1].us).slice(0, top)) {
    const ms = (us / 1000 / steps).toFixed(2).padStart(9);
    const times = (count / steps).toFixed(0).padStart(5);
    const rate = flops ? `${(flops / us / 1000).toFixed(0).padStart(4)} GFLOP/s  ` : '';
    console.log(`${ms} ms ${times} ×  ${rate}${key}`);
  }
};
const tokens =
  batches
    .slice(WARM_UP)
    .flat()
    .reduce((sum, { ids }) => sum + ids.length, 0) / steps;
console.log(
  `${name}: ${steps} steps, ${tokens.toFixed(1)} tokens a batch; ` +
    `ms: forward and backward ${totals.forwardBackward.toFixed(1)}, norm ${totals.norm.toFixed(1)}, ` +
    `update ${totals.update.toFixed(1)}`,
);
const [inNodes, inRuns] = [within, runs].map((of) =>
  (of.reduce((sum, event) => sum + event.dur, 0) / 1000 / steps).toFixed(1),
);
console.log(`nodes ${inNodes} ms, session.run ${inRuns} ms, ${(within.length / steps).toFixed(0)} nodes`);
print(byOp, 30);
console.log();
print(byShape, 45);
