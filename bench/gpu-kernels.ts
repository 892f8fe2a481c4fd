/** Times of single kernels on the GPU, by timestamp queries where the adapter has them. */
import { packRows } from '#attune/engine/batch.js';
import type { PackedBatch } from '#attune/engine/batch.js';
import type { UpdateSettings } from '#attune/engine/engine.js';
import { resolveShape } from '#attune/engine/reference/kernel.js';
import type { Gpu } from '#attune/engine/webgpu/gpu.js';
import { DeviceMemory } from '#attune/engine/webgpu/memory.js';
import { Optimizer, RESULT } from '#attune/engine/webgpu/optimizer.js';
import { Program } from '#attune/engine/webgpu/program.js';
import { GraphBuilder } from '#attune/graph/graph.js';
import type { Shape } from '#attune/graph/graph.js';
import * as ops from '#attune/graph/operations.js';
import { gradientName } from '#attune/model/gpt2.js';
import type { ModelGraphs } from '#attune/model/gpt2.js';
import { median } from './median.js';
import { randomTensor } from './models.js';

/** WebGPU's bound on a query set. */
const MOST_QUERIES = 4096;

/** Timestamps of compute passes, each with its label. */
class PassTimes {
  readonly #labels: string[] = [];
  readonly #queries: GPUQuerySet;

  readonly #device: GPUDevice;

  constructor(device: GPUDevice) {
    this.#device = device;

    this.#queries = device.createQuerySet({ type: 'timestamp', count: MOST_QUERIES });
  }

  /** Describes the next pass. */
  readonly next = (label: string): GPUComputePassDescriptor => {
    const first = 2 * this.#labels.length;
    if (first + 2 > MOST_QUERIES) throw new Error(`more than ${MOST_QUERIES / 2} passes in a step`);
    this.#labels.push(label);
    return {
      label,
      timestampWrites: {
        querySet: this.#queries,
        beginningOfPassWriteIndex: first,
        endOfPassWriteIndex: first + 1,
      },
    };
  };

  /**
   * Milliseconds of the passes since the last call, in order; `encoder` is finished and submitted with the
   * reading at its end.
   */
  async read(encoder: GPUCommandEncoder): Promise<{ label: string; ms: number }[]> {
    const labels = this.#labels.splice(0);
    const bytes = labels.length * 16;
    const resolved = this.#device.createBuffer({
      size: bytes,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
    const staging = this.#device.createBuffer({
      size: bytes,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    encoder.resolveQuerySet(this.#queries, 0, 2 * labels.length, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, bytes);
    this.#device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const times = new BigUint64Array(staging.getMappedRange().slice(0));
    staging.destroy();
    resolved.destroy();
    return labels.map((label, i) => ({ label, ms: Number(times[2 * i + 1] - times[2 * i]) / 1e6 }));
  }
}

export interface ProductTime {
  readonly form: string;
  readonly shape: readonly [m: number, n: number, k: number];
  readonly ms: number;
}

/**
 * The three products of a weight [K, N] at some tokens: forward, of the input's gradient, of the weight's.
 * Kernels that add parts of K up count as theirs.
 */
export async function timeProducts(
  gpu: Gpu,
  tokens: number,
  k: number,
  n: number,
  repetitions: number,
): Promise<ProductTime[]> {
  const forms: readonly [
    form: string,
    shape: ProductTime['shape'],
    a: Shape,
    b: Shape,
    transposeA: boolean,
    transposeB: boolean,
  ][] = [
    ['forward', [tokens, n, k], ['tokens', k], [k, n], false, false],
    ['dX', [tokens, k, n], ['tokens', n], [k, n], false, true],
    ['dW', [k, n, tokens], ['tokens', k], ['tokens', n], true, false],
  ];
  const batch = packRows(
    Array.from({ length: Math.ceil(tokens / 16) }, (_, r) => ({
      ids: new Int32Array(Math.min(16, tokens - 16 * r)),
      blind: false,
    })),
  );
  const times: ProductTime[] = [];
  for (const [form, shape, a, b, transposeA, transposeB] of forms) {
    const g = new GraphBuilder();
    const graph = g.finish({
      y: ops.matmul(g, g.parameter('a', a), g.parameter('b', b), transposeA, transposeB),
    });
    const specs = [
      { name: 'a', shape: resolveShape(a, batch), decay: false },
      { name: 'b', shape: resolveShape(b, batch), decay: false },
    ];
    const memory = new DeviceMemory(gpu.device, specs);
    const program = new Program(gpu, memory, graph);
    for (const [i, spec] of specs.entries())
      gpu.device.queue.writeBuffer(
        memory.bank('parameter', memory.place(spec.name).bank),
        memory.place(spec.name).offset * 4,
        randomTensor(spec, i),
      );
    await program.prepare(batch);
    times.push({ form, shape, ms: await timeRuns(gpu, program, batch, repetitions) });
    program.destroy();
    memory.destroy();
  }
  return times;
}

/**
 * Median milliseconds of a program's kernels; without timestamps the wall clock over many runs in one
 * submission.
 */
async function timeRuns(
  { device }: Gpu,
  program: Program,
  batch: PackedBatch,
  repetitions: number,
): Promise<number> {
  const pass = { lossWeight: 1, seed: 1, pass: 0 };
  program.reserve(batch, repetitions);
  const encodeAll = (passFor?: PassTimes['next']): GPUCommandEncoder => {
    const encoder = device.createCommandEncoder();
    for (let place = 0; place < repetitions; place++)
      program.encode(encoder, batch, pass, { place, passFor });
    return encoder;
  };
  // Once to warm up: pipelines are compiled for the hardware at their first use.
  device.queue.submit([encodeAll().finish()]);
  await device.queue.onSubmittedWorkDone();
  if (device.features.has('timestamp-query')) {
    const passes = new PassTimes(device);
    const times = await passes.read(encodeAll(passes.next));
    const each = times.length / repetitions;
    return median(
      Array.from({ length: repetitions }, (_, r) =>
        times.slice(r * each, (r + 1) * each).reduce((sum, { ms }) => sum + ms, 0),
      ),
    );
  }
  const started = performance.now();
  device.queue.submit([encodeAll().finish()]);
  await device.queue.onSubmittedWorkDone();
  return (performance.now() - started) / repetitions;
}

export interface KernelTime {
  readonly label: string;
  /** Dispatches of a step. */
  readonly count: number;
  /** Of a step, median over steps. */
  readonly ms: number;
}

/**
 * Where a training step goes, kernel by kernel, each in a pass of its own; undefined without timestamps. The
 * parts of a step add up to more than a step.
 */
export async function timeStepByKernel(
  gpu: Gpu,
  graphs: ModelGraphs,
  batches: readonly PackedBatch[],
  update: UpdateSettings,
): Promise<KernelTime[] | undefined> {
  if (!gpu.device.features.has('timestamp-query')) return undefined;
  const { device } = gpu;
  const memory = new DeviceMemory(device, graphs.parameters);
  const program = new Program(
    gpu,
    memory,
    graphs.training,
    new Map(graphs.parameters.map(({ name }) => [gradientName(name), name])),
  );
  const optimizer = new Optimizer(gpu, memory);
  await optimizer.prepare();
  for (const [i, spec] of graphs.parameters.entries()) {
    const { bank, offset } = memory.place(spec.name);
    device.queue.writeBuffer(memory.bank('parameter', bank), offset * 4, randomTensor(spec, i));
  }
  const passes = new PassTimes(device);
  const byLabel = new Map<string, { count: number; times: number[] }>();
  for (const [i, batch] of batches.entries()) {
    await program.prepare(batch);
    const encoder = device.createCommandEncoder();
    program.encode(
      encoder,
      batch,
      { lossWeight: 1 / batch.rows, seed: 42, pass: i },
      { passFor: passes.next },
    );
    encoder.copyBufferToBuffer(program.output('loss'), 0, optimizer.results, RESULT.losses * 4, 4);
    optimizer.encodeUpdate(
      encoder,
      { ...update, step: i + 1 },
      1,
      true,
      passes.next('norm, clipping, AdamW'),
    );
    const step = new Map<string, { count: number; ms: number }>();
    for (const { label, ms } of await passes.read(encoder)) {
      const sum = step.get(label) ?? { count: 0, ms: 0 };
      step.set(label, { count: sum.count + 1, ms: sum.ms + ms });
    }
    if (i === 0 && batches.length > 1) continue;
    for (const [label, { count, ms }] of step) {
      const known = byLabel.get(label) ?? { count, times: [] };
      known.times.push(ms);
      byLabel.set(label, known);
    }
  }
  program.destroy();
  optimizer.destroy();
  memory.destroy();
  return [...byLabel]
    .map(([label, { count, times }]) => ({ label, count, ms: median(times) }))
    .sort((a, b) => b.ms - a.ms);
}
