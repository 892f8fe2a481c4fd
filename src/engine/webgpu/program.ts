/**
 * A graph on the device: its dispatches bound to buffers, ready to be encoded for any batch up to a capacity.
 */
import { parameterName } from '../../graph/graph.js';
import type { Graph, Value } from '../../graph/graph.js';
import { BatchArrays } from './batch-arrays.js';
import type { BatchPass } from './batch-arrays.js';
import type { PackedBatch } from '../batch.js';
import { elementsOf } from './dispatch.js';
import type { BatchSize, Binding, Constants, Dispatch } from './dispatch.js';
import { dropoutSites, lowerToWgsl } from './lowering.js';
import type { BankKind, DeviceMemory } from './memory.js';
import type { Gpu } from './gpu.js';
import { planSlots } from './slots.js';
import type { SlotPlan } from './slots.js';
import { clearRows } from './kernels/gather.js';

/** Graph outputs that lie in the banks: parameter by the output's name. */
export type BankOutputs = ReadonlyMap<string, string>;

interface Bound {
  readonly dispatch: Dispatch;
  /** One for each kind of bank that gradients may go to. */
  readonly groups: Map<BankKind, GPUBindGroup>;
}

interface Allocation {
  readonly capacity: BatchSize;
  readonly arrays: BatchArrays;
  /** Where the batch that is computed lies. */
  readonly batchBuffer: GPUBuffer;
  /** The batches of a submission, from which each is copied to its place when its turn comes. */
  readonly upload: GPUBuffer;
  readonly slots: readonly GPUBuffer[];
  readonly plan: SlotPlan;
  readonly bound: readonly Bound[];
  readonly clearing: readonly Bound[];
}

/**
 * Which rows of the tables' gradients in a bank are not zero: none, those that the batch in the buffer names,
 * or some that nobody remembers.
 */
type Left = 'nothing' | 'batch' | 'unknown';

export interface Target {
  /** Into which banks the outputs of `bankOutputs` go. */
  readonly gradients?: BankKind | undefined;
  /** Number of the batch within its submission. */
  readonly place?: number | undefined;
  /** Told of each dispatch, in order, for a pass of its own; absent: one pass for all. For timings. */
  readonly passFor?: ((label: string) => GPUComputePassDescriptor) | undefined;
}

export class Program {
  readonly #dispatches: readonly Dispatch[];
  readonly #sites: number;
  /** Clears what the batch before left in the tables' gradients. */
  readonly #clearing: readonly Dispatch[];
  readonly #left = new Map<BankKind, Left>();
  /** Resources that need a slot, by their key, with the dispatches between which they are alive. */
  readonly #alive = new Map<string, { first: number; last: number; floats: (size: BatchSize) => number }>();
  readonly #slotIndex = new Map<string, number>();
  /** Parameter whose gradient a value is. */
  readonly #inBank = new Map<Value, string>();
  #allocation: Allocation | undefined;
  readonly #prepared = new Set<string>();
  readonly #constants = new Map<string, GPUBuffer>();

  readonly #gpu: Gpu;
  readonly #memory: DeviceMemory;
  readonly #graph: Graph;

  constructor(gpu: Gpu, memory: DeviceMemory, graph: Graph, bankOutputs: BankOutputs = new Map()) {
    this.#gpu = gpu;
    this.#memory = memory;
    this.#graph = graph;

    this.#dispatches = lowerToWgsl(graph, gpu.matrixUnit);
    this.#sites = dropoutSites(graph);
    for (const [output, parameter] of bankOutputs) {
      const value = graph.outputs.get(output)!;
      if (this.#inBank.has(value)) throw new Error(`${output} is the gradient of two parameters`);
      this.#inBank.set(value, parameter);
    }
    this.#clearing = this.#dispatches.flatMap(({ writesRowsOf }) =>
      writesRowsOf ? [clearRows(writesRowsOf.value, writesRowsOf.by)] : [],
    );
    for (const [d, { bindings, writesRowsOf, label }] of this.#dispatches.entries()) {
      if (writesRowsOf && !this.#inBank.has(writesRowsOf.value))
        throw new Error(`${label}: the gradient of a table must be an output of the graph`);
      for (const binding of bindings) {
        const key = this.#slotKey(binding);
        if (key === undefined) continue;
        const known = this.#alive.get(key);
        if (known) known.last = d;
        else this.#alive.set(key, { first: d, last: d, floats: floatsOf(binding) });
      }
    }
    for (const value of graph.outputs.values()) {
      const output = this.#alive.get(`${value.id}`);
      if (output) output.last = Infinity;
    }
    for (const [i, key] of [...this.#alive.keys()].entries()) this.#slotIndex.set(key, i);
  }

  /** Compiles what batches of a size need and is not compiled yet. */
  async prepare(size: BatchSize): Promise<void> {
    const key = this.#dispatches.map(({ when }) => (!when || when(size) ? '1' : '0')).join('');
    if (this.#prepared.has(key)) return;
    await this.#gpu.pipelines.prepare([
      ...this.#clearing,
      ...this.#dispatches.filter(({ when }) => !when || when(size)),
    ]);
    this.#prepared.add(key);
  }

  /**
   * What batches up to `size` take, so many in one submission: bytes in all, of the largest buffer, and
   * workgroups along one dimension.
   */
  demandOf(
    size: BatchSize,
    batches: number,
  ): { readonly bytes: number; readonly largestBuffer: number; readonly mostWorkgroups: number } {
    const slots = this.#slotsFor(size).slots.map((floats) => floats * 4);
    const arrays = new BatchArrays(size, this.#sites).bytes;
    // In the worst case every token of a batch names another row of a table.
    const workgroups = this.#dispatches
      .filter(({ when }) => !when || when(size))
      .flatMap((dispatch) => dispatch.workgroups(size, { scatterRows: () => size.tokens }));
    const most = (numbers: readonly number[]): number =>
      numbers.reduce((largest, number) => Math.max(largest, number), 0);
    return {
      bytes: slots.reduce((sum, bytes) => sum + bytes, arrays * (1 + batches)),
      largestBuffer: most(slots),
      mostWorkgroups: most(workgroups),
    };
  }

  /**
   * Makes room for batches up to `size`, so many in one submission. Nothing that is encoded and not submitted
   * yet may use the program.
   */
  reserve(size: BatchSize, batches = 1): void {
    this.#allocate(size, batches);
  }

  /**
   * Uploads the batch and encodes the graph's dispatches as one compute pass. Several batches may go into one
   * submission, each with its `place`, where `reserve` made room for them.
   */
  encode(
    encoder: GPUCommandEncoder,
    batch: PackedBatch,
    pass: BatchPass,
    { gradients = 'gradient', place = 0, passFor }: Target = {},
  ): void {
    const size = { tokens: batch.tokens, rows: batch.rows };
    const { arrays, batchBuffer, upload, bound } = this.#allocate(size, place + 1);
    this.#clear(encoder, gradients);
    arrays.layOut(batch, pass);
    this.#gpu.device.queue.writeBuffer(upload, place * arrays.bytes, arrays.data);
    encoder.copyBufferToBuffer(upload, place * arrays.bytes, batchBuffer, 0, arrays.bytes);
    if (this.#clearing.length > 0) {
      for (const kind of this.#left.keys()) this.#left.set(kind, 'unknown');
      this.#left.set(gradients, 'batch');
    }
    this.#run(
      encoder,
      bound.filter(({ dispatch: { when } }) => !when || when(size)),
      size,
      gradients,
      passFor,
    );
  }

  /** The buffer that holds an output after `encode`, valid until the next larger batch. */
  output(name: string): GPUBuffer {
    const value = this.#graph.outputs.get(name);
    if (!value || !this.#allocation) throw new Error(`the program has no output ${name}`);
    return this.#allocation.slots[this.#allocation.plan.of[this.#slotIndex.get(`${value.id}`)!]];
  }

  destroy(): void {
    if (!this.#allocation) return;
    const { batchBuffer, upload, slots } = this.#allocation;
    for (const buffer of [batchBuffer, upload, ...slots]) buffer.destroy();
    this.#allocation = undefined;
    for (const kind of this.#left.keys()) this.#left.set(kind, 'unknown');
  }

  /**
   * Sets to zero what batches before this one left of the tables' gradients; in a large table that is less to
   * write by far than all of it.
   */
  #clear(encoder: GPUCommandEncoder, gradients: BankKind): void {
    const left = this.#left.get(gradients) ?? 'nothing';
    if (left === 'batch') this.#run(encoder, this.#allocation!.clearing, { tokens: 0, rows: 0 }, gradients);
    if (left === 'unknown') {
      for (const { writesRowsOf } of this.#dispatches) {
        if (!writesRowsOf) continue;
        const { buffer, offset, size } = this.#memory.binding(
          gradients,
          this.#inBank.get(writesRowsOf.value)!,
        );
        encoder.clearBuffer(buffer, offset, size);
      }
    }
  }

  #run(
    encoder: GPUCommandEncoder,
    bound: readonly Bound[],
    size: BatchSize,
    gradients: BankKind,
    passFor?: Target['passFor'],
  ): void {
    let compute: GPUComputePassEncoder | undefined;
    for (const one of bound) {
      const { dispatch } = one;
      const [x, y, z] = dispatch.workgroups(size, this.#allocation!.arrays);
      compute ??= encoder.beginComputePass(passFor?.(dispatch.label));
      compute.setPipeline(this.#gpu.pipelines.get(dispatch.code));
      compute.setBindGroup(0, this.#groupOf(one, gradients));
      compute.dispatchWorkgroups(x, y, z);
      if (passFor) {
        compute.end();
        compute = undefined;
      }
    }
    compute?.end();
  }

  /** One buffer for each set of constants, whoever uses it. */
  #constantsOf({ constants }: Constants): GPUBufferBinding {
    const key = constants.join();
    let buffer = this.#constants.get(key);
    if (!buffer) {
      buffer = this.#gpu.device.createBuffer({
        label: 'constants',
        size: constants.length * 4,
        usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
      });
      this.#gpu.device.queue.writeBuffer(buffer, 0, Uint32Array.from(constants));
      this.#constants.set(key, buffer);
    }
    return { buffer };
  }

  /**
   * What names a resource that lives in a slot; undefined for what lies in the banks or comes with the batch.
   */
  #slotKey(binding: Binding): string | undefined {
    if ('batch' in binding || 'constants' in binding) return undefined;
    if ('side' in binding) return `${binding.side.of.id} ${binding.side.name}`;
    const { value } = binding;
    return 'node' in value.source && !this.#inBank.has(value) ? `${value.id}` : undefined;
  }

  #slotsFor(size: BatchSize): SlotPlan {
    return planSlots(
      [...this.#alive.values()].map(({ first, last, floats }) => ({ first, last, floats: floats(size) })),
    );
  }

  #allocate(size: BatchSize, batches: number): Allocation {
    const now = this.#allocation;
    if (
      now &&
      size.tokens <= now.capacity.tokens &&
      size.rows <= now.capacity.rows &&
      batches * now.arrays.bytes <= now.upload.size
    )
      return now;
    const grown = (needed: number, had: number): number =>
      needed <= had ? had : Math.max(needed, Math.ceil(had * 1.5));
    const capacity = {
      tokens: grown(size.tokens, now?.capacity.tokens ?? 64),
      rows: grown(size.rows, now?.capacity.rows ?? 8),
    };
    this.destroy();
    const { device } = this.#gpu;
    const arrays = new BatchArrays(capacity, this.#sites);
    const batchBuffer = device.createBuffer({
      label: 'batch',
      size: arrays.bytes,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    const upload = device.createBuffer({
      label: 'upload',
      size: batches * arrays.bytes,
      usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
    const plan = this.#slotsFor(capacity);
    const slots = plan.slots.map((floats, i) =>
      device.createBuffer({
        label: `slot ${i}`,
        size: Math.max(16, floats * 4),
        usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
      }),
    );
    const bind = (dispatch: Dispatch): Bound => ({ dispatch, groups: new Map<BankKind, GPUBindGroup>() });
    this.#allocation = {
      capacity,
      arrays,
      batchBuffer,
      upload,
      slots,
      plan,
      bound: this.#dispatches.map(bind),
      clearing: this.#clearing.map(bind),
    };
    return this.#allocation;
  }

  #groupOf({ dispatch, groups }: Bound, gradients: BankKind): GPUBindGroup {
    let group = groups.get(gradients);
    if (!group) {
      const { arrays, batchBuffer } = this.#allocation!;
      const resources: GPUBufferBinding[] = [
        { buffer: batchBuffer, ...arrays.placeOf('sizes') },
        ...dispatch.bindings.map((binding) => this.#resource(binding, gradients)),
      ];
      group = this.#gpu.device.createBindGroup({
        label: dispatch.label,
        layout: this.#gpu.pipelines.get(dispatch.code).getBindGroupLayout(0),
        entries: resources.map((resource, binding) => ({ binding, resource })),
      });
      groups.set(gradients, group);
    }
    return group;
  }

  #resource(binding: Binding, gradients: BankKind): GPUBufferBinding {
    const { arrays, batchBuffer, slots, plan } = this.#allocation!;
    if ('constants' in binding) return this.#constantsOf(binding);
    if ('batch' in binding) return { buffer: batchBuffer, ...arrays.placeOf(binding.batch) };
    const key = this.#slotKey(binding);
    if (key !== undefined) return { buffer: slots[plan.of[this.#slotIndex.get(key)!]] };
    const { value } = binding as { readonly value: Value };
    if ('input' in value.source) return { buffer: batchBuffer, ...arrays.placeOf(value.source.input) };
    const parameter = parameterName(value);
    return parameter !== undefined
      ? this.#memory.binding('parameter', parameter)
      : this.#memory.binding(gradients, this.#inBank.get(value)!);
  }
}

/** How many floats a binding takes by the size of the batch. */
function floatsOf(binding: Binding): (size: BatchSize) => number {
  if ('value' in binding) return (size) => elementsOf(binding.value.shape, size);
  return 'side' in binding ? binding.side.floats : () => 0;
}
