/**
 * Clipping and AdamW on the device (Loshchilov and Hutter 2019, in the order of torch.optim.AdamW): the norm
 * over all gradients, then one pass over all parameters that clips and updates. Whether a step is sound
 * (losses and norm finite) is decided there, too, so that no number has to come back first.
 *
 *   results  [norm, coefficient, sound, losses of the micro-batches ...]
 */
import type { UpdateSettings } from '../engine.js';
import type { DeviceMemory } from './memory.js';
import type { Gpu } from './gpu.js';

const THREADS = 256;
const MOST_WORKGROUPS = 1024;
export const RESULT = { norm: 0, coefficient: 1, sound: 2, losses: 3 } as const;
const SETTINGS_FLOATS = 12;

const SETTINGS = `
struct Settings {
  stepSize: f32, inverseRoot2: f32, beta1: f32, rest1: f32, beta2: f32, rest2: f32,
  epsilon: f32, decay: f32, maxGradNorm: f32, losses: u32, partials: u32, fresh: u32
}
@group(0) @binding(0) var<uniform> settings: Settings;
`;

const loop = (body: string): string => `
@compute @workgroup_size(${THREADS})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
${body}
}
`;

/** Each workgroup's sum of squares; the base is where this bank's sums begin. */
const squares = (base: number): string => `${SETTINGS}
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read_write> partials: array<f32>;
var<workgroup> shares: array<f32, ${THREADS}>;
${loop(`  var sum = 0.0;
  for (var i = id.x; i < arrayLength(&gradient); i += groups.x * ${THREADS}u) { sum += gradient[i] * gradient[i]; }
  shares[thread] = sum;
  workgroupBarrier();
  for (var half = ${THREADS / 2}u; half > 0u; half >>= 1u) {
    if (thread < half) { shares[thread] += shares[thread + half]; }
    workgroupBarrier();
  }
  if (thread == 0u) { partials[${base}u + group.x] = shares[0]; }`)}`;

/** Infinity and NaN have all bits of the exponent set; a comparison might be optimised away. */
const CONCLUDE = `${SETTINGS}
@group(0) @binding(1) var<storage, read> partials: array<f32>;
@group(0) @binding(2) var<storage, read_write> results: array<f32>;
var<workgroup> shares: array<f32, ${THREADS}>;
fn finite(value: f32) -> bool { return (bitcast<u32>(value) & 0x7f800000u) != 0x7f800000u; }
${loop(`  var sum = 0.0;
  for (var i = thread; i < settings.partials; i += ${THREADS}u) { sum += partials[i]; }
  shares[thread] = sum;
  workgroupBarrier();
  for (var half = ${THREADS / 2}u; half > 0u; half >>= 1u) {
    if (thread < half) { shares[thread] += shares[thread + half]; }
    workgroupBarrier();
  }
  if (thread == 0u) {
    let norm = sqrt(shares[0]);
    // A step that was asked for before it was known that the one before failed changes nothing either.
    var sound = finite(norm) && (settings.fresh == 1u || results[${RESULT.sound}] == 1.0);
    for (var i = 0u; i < settings.losses; i++) { sound = sound && finite(results[${RESULT.losses}u + i]); }
    results[${RESULT.norm}] = norm;
    results[${RESULT.coefficient}] =
      select(1.0, min(1.0, settings.maxGradNorm / (norm + 1e-6)), settings.maxGradNorm > 0.0);
    results[${RESULT.sound}] = select(0.0, 1.0, sound);
  }`)}`;

const update = (decayEnd: number): string => `${SETTINGS}
@group(0) @binding(1) var<storage, read> results: array<f32>;
@group(0) @binding(2) var<storage, read_write> parameter: array<f32>;
@group(0) @binding(3) var<storage, read> gradient: array<f32>;
@group(0) @binding(4) var<storage, read_write> moment1: array<f32>;
@group(0) @binding(5) var<storage, read_write> moment2: array<f32>;
${loop(`  if (results[${RESULT.sound}] == 0.0) { return; }
  let coefficient = results[${RESULT.coefficient}];
  for (var i = id.x; i < arrayLength(&gradient); i += groups.x * ${THREADS}u) {
    let g = gradient[i] * coefficient;
    let m = settings.beta1 * moment1[i] + settings.rest1 * g;
    let v = settings.beta2 * moment2[i] + settings.rest2 * (g * g);
    moment1[i] = m;
    moment2[i] = v;
    let kept = select(1.0, settings.decay, i < ${decayEnd}u);
    parameter[i] = parameter[i] * kept
      - settings.stepSize * (m / (sqrt(v) * settings.inverseRoot2 + settings.epsilon));
  }`)}`;

const ADD = `${SETTINGS}
@group(0) @binding(1) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(2) var<storage, read> incoming: array<f32>;
${loop(`  for (var i = id.x; i < arrayLength(&gradient); i += groups.x * ${THREADS}u) {
    gradient[i] += incoming[i];
  }`)}`;

interface Step {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly workgroups: number;
}

export class Optimizer {
  readonly #settings: GPUBuffer;
  readonly #partials: GPUBuffer;
  readonly #partialCount: number;
  results: GPUBuffer;
  #updating: readonly Step[] | undefined;
  #adding: readonly Step[] | undefined;

  readonly #gpu: Gpu;
  readonly #memory: DeviceMemory;

  constructor(gpu: Gpu, memory: DeviceMemory) {
    this.#gpu = gpu;
    this.#memory = memory;

    const { device } = gpu;
    this.#partialCount = memory.banks.reduce((sum, { floats }) => sum + workgroupsFor(floats), 0);
    this.#settings = device.createBuffer({
      label: 'update settings',
      size: SETTINGS_FLOATS * 4,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    this.#partials = device.createBuffer({
      label: 'sums of squares',
      size: this.#partialCount * 4,
      usage: GPUBufferUsage.STORAGE,
    });
    this.results = this.#resultsFor(1);
  }

  async prepare(): Promise<void> {
    await this.#gpu.pipelines.prepare([
      ...this.#squaresCodes().map((code) => ({ label: 'sum of squares', code })),
      { label: 'norm', code: CONCLUDE },
      ...this.#memory.banks.map(({ decayEnd }) => ({ label: 'adamw', code: update(decayEnd) })),
      { label: 'add gradients', code: ADD },
    ]);
  }

  /** Whether there is room for the losses of so many micro-batches. */
  holds(microBatches: number): boolean {
    return this.results.size >= (RESULT.losses + microBatches) * 4;
  }

  /** Makes that room; no step may be unanswered, because whether the last one was sound is forgotten. */
  expect(microBatches: number): void {
    if (this.holds(microBatches)) return;
    this.results.destroy();
    this.results = this.#resultsFor(microBatches);
    this.#updating = undefined;
  }

  /** Adds the banks `incoming` to the banks `gradient`. */
  encodeAdd(encoder: GPUCommandEncoder): void {
    this.#adding ??= this.#memory.banks.map(({ floats }, b) =>
      this.#step(
        ADD,
        [this.#memory.bank('gradient', b), this.#memory.bank('incoming', b)],
        workgroupsFor(floats),
      ),
    );
    run(encoder, this.#adding);
  }

  /**
   * Norm, soundness, clipping and update, from the gradients in the banks and the losses in `results`.
   * `fresh`: no step before this one is unanswered.
   */
  encodeUpdate(
    encoder: GPUCommandEncoder,
    { learningRate, beta1, beta2, epsilon, weightDecay, maxGradNorm, step }: UpdateSettings,
    microBatches: number,
    fresh: boolean,
    pass?: GPUComputePassDescriptor,
  ): void {
    const data = new ArrayBuffer(SETTINGS_FLOATS * 4);
    // 1 - beta rounds once here, from the float64 that the reference computes it in.
    new Float32Array(data).set([
      learningRate / (1 - beta1 ** step),
      1 / Math.sqrt(1 - beta2 ** step),
      beta1,
      1 - beta1,
      beta2,
      1 - beta2,
      epsilon,
      1 - learningRate * weightDecay,
      maxGradNorm,
    ]);
    new Uint32Array(data).set([microBatches, this.#partialCount, fresh ? 1 : 0], 9);
    this.#gpu.device.queue.writeBuffer(this.#settings, 0, data);
    this.#updating ??= this.#updateSteps();
    run(encoder, this.#updating, pass);
  }

  destroy(): void {
    for (const buffer of [this.#settings, this.#partials, this.results]) buffer.destroy();
  }

  #squaresCodes(): string[] {
    let base = 0;
    return this.#memory.banks.map(({ floats }) => {
      const code = squares(base);
      base += workgroupsFor(floats);
      return code;
    });
  }

  #updateSteps(): Step[] {
    const { banks } = this.#memory;
    const codes = this.#squaresCodes();
    return [
      ...banks.map(({ floats }, b) =>
        this.#step(codes[b], [this.#memory.bank('gradient', b), this.#partials], workgroupsFor(floats)),
      ),
      this.#step(CONCLUDE, [this.#partials, this.results], 1),
      ...banks.map(({ floats, decayEnd }, b) =>
        this.#step(
          update(decayEnd),
          [
            this.results,
            ...(['parameter', 'gradient', 'moment1', 'moment2'] as const).map((kind) =>
              this.#memory.bank(kind, b),
            ),
          ],
          workgroupsFor(floats),
        ),
      ),
    ];
  }

  #step(code: string, buffers: readonly GPUBuffer[], workgroups: number): Step {
    const pipeline = this.#gpu.pipelines.get(code);
    const group = this.#gpu.device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [this.#settings, ...buffers].map((buffer, binding) => ({ binding, resource: { buffer } })),
    });
    return { pipeline, group, workgroups };
  }

  #resultsFor(microBatches: number): GPUBuffer {
    return this.#gpu.device.createBuffer({
      label: 'results',
      size: (RESULT.losses + microBatches) * 4,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
  }
}

const workgroupsFor = (floats: number): number =>
  Math.max(1, Math.min(MOST_WORKGROUPS, Math.ceil(floats / (4 * THREADS))));

function run(encoder: GPUCommandEncoder, steps: readonly Step[], pass?: GPUComputePassDescriptor): void {
  const compute = encoder.beginComputePass(pass);
  for (const { pipeline, group, workgroups } of steps) {
    compute.setPipeline(pipeline);
    compute.setBindGroup(0, group);
    compute.dispatchWorkgroups(workgroups);
  }
  compute.end();
}
