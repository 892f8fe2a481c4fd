/**
 * The WebGPU engine: one model's parameters, gradients and moments on the device, its two graphs as compute
 * passes, the optimizer. Nothing here needs Node: the caller brings the device (node.ts: Dawn; a browser: its
 * own).
 */
import { AttuneError, TrainingError } from '../../errors/attune-error.js';
import { gradientName } from '../../model/gpt2.js';
import type { ModelGraphs } from '../../model/gpt2.js';
import type { Graph } from '../../graph/graph.js';
import type { PackedBatch } from '../batch.js';
import { demandsOf, requireWithin } from './demand.js';
import type { Demand } from './demand.js';
import { elementsOf } from './dispatch.js';
import type { BatchSize } from './dispatch.js';
import type { EngineSession, StepRequest, StepResult, TensorKind, Workload } from '../engine.js';
import type { Gpu } from './gpu.js';
import type { MatrixUnit } from './matrix-unit.js';
import { DeviceMemory } from './memory.js';
import { Optimizer, RESULT } from './optimizer.js';
import type { Pipelines } from './pipelines.js';
import { Program } from './program.js';
import { STEPS_IN_FLIGHT, StepResults } from './step-results.js';

export interface WebGpuSessionOptions {
  /** Seed of the dropout masks. */
  readonly seed: number;
  /** One line for people: which adapter computes. */
  readonly description: string;
}

export class WebGpuSession implements EngineSession, Gpu {
  readonly description: string;
  readonly device: GPUDevice;
  readonly pipelines: Pipelines;
  readonly matrixUnit: MatrixUnit | undefined;
  readonly #memory: DeviceMemory;
  readonly #inference: Program;
  readonly #training: Program;
  readonly #seed: number;
  /** Programs of graphs that callers brought. */
  readonly #others = new Map<Graph, Program>();
  #optimizer: Optimizer | undefined;
  #results: StepResults | undefined;
  /** Of the run that was announced. */
  #demands: readonly Demand[] | undefined;
  #ended: Error | undefined;
  /** Ends of requests under way, told when the device is lost. */
  readonly #waiting = new Set<(reason: Error) => void>();
  /** Requests run one after the other, because they share buffers. */
  #queue: Promise<unknown> = Promise.resolve();

  readonly #model: ModelGraphs;

  constructor(
    { device, pipelines, matrixUnit }: Gpu,
    model: ModelGraphs,
    { seed, description }: WebGpuSessionOptions,
  ) {
    this.#model = model;

    this.device = device;
    this.pipelines = pipelines;
    this.matrixUnit = matrixUnit;
    this.#seed = seed;
    this.description = description;
    this.#memory = new DeviceMemory(device, model.parameters);
    this.#inference = new Program(this, this.#memory, model.inference);
    this.#training = new Program(
      this,
      this.#memory,
      model.training,
      new Map(model.parameters.map(({ name }) => [gradientName(name), name])),
    );
    void device.lost.then(({ reason, message }) => {
      const destroyed = reason === 'destroyed';
      this.#end(new TrainingError('gpu-lost', { destroyed, reason: message }));
    });
  }

  get stepsInFlight(): number {
    return this.#results?.advisable ?? 1;
  }

  /**
   * Makes all that a run needs at once, so that what does not fit is known before anything is computed.
   *
   * @throws TrainingError with the numbers
   */
  reserve(workload: Workload): Promise<void> {
    return this.#inTurn(async () => {
      this.#demands = demandsOf(workload, this.#memory.bytes, {
        training: this.#training,
        prediction: this.#inference,
      });
      requireWithin(this.device.limits, this.#demands);
      const { training, prediction } = workload;
      await this.#checked(() => {
        this.#memory.reserve([
          'parameter',
          ...(training ? (['gradient', 'moment1', 'moment2'] as const) : []),
          ...((training?.microBatches ?? 1) > 1 ? (['incoming'] as const) : []),
        ]);
        if (training) this.#training.reserve(training, training.microBatches);
        if (prediction) this.#inference.reserve(prediction);
        return Promise.resolve();
      });
    });
  }

  infer(batch: PackedBatch): Promise<Float32Array> {
    return this.#inTurn(async () => {
      await this.#inference.prepare(batch);
      const classes = this.#model.inference.outputs.get('logits')!.shape[1] as number;
      return this.#checked(() => {
        const encoder = this.device.createCommandEncoder();
        this.#inference.encode(encoder, batch, { lossWeight: 1, seed: this.#seed, pass: 0 });
        return this.#read(encoder, this.#inference.output('logits'), 0, batch.rows * classes);
      });
    });
  }

  evaluate(graph: Graph, batch: PackedBatch): Promise<ReadonlyMap<string, Float32Array>> {
    return this.#inTurn(async () => {
      let program = this.#others.get(graph);
      if (!program) {
        program = new Program(this, this.#memory, graph);
        this.#others.set(graph, program);
      }
      await program.prepare(batch);
      const prepared = program;
      return this.#checked(async () => {
        const encoder = this.device.createCommandEncoder();
        prepared.encode(encoder, batch, { lossWeight: 1, seed: this.#seed, pass: 0 });
        this.device.queue.submit([encoder.finish()]);
        const outputs = [...graph.outputs].map(async ([name, { shape }]) => {
          const floats = elementsOf(shape, batch);
          return [
            name,
            await this.#read(this.device.createCommandEncoder(), prepared.output(name), 0, floats),
          ] as const;
        });
        return new Map(await Promise.all(outputs));
      });
    });
  }

  async step({
    microBatches,
    lossWeights,
    firstPass,
    update,
    deferResult = false,
  }: StepRequest): Promise<StepResult> {
    if (microBatches.length === 0) throw new RangeError('a step needs a micro-batch');
    // The turn ends when the step is on its way to the device; its result comes when it is read.
    const { answer } = await this.#inTurn(async () => {
      if (!this.#optimizer) {
        const made = new Optimizer(this, this.#memory);
        await made.prepare();
        this.#optimizer = made;
      }
      for (const batch of microBatches) await this.#training.prepare(batch);
      const results = await this.#resultsFor(this.#optimizer, microBatches.length);
      const size = {
        tokens: Math.max(...microBatches.map(({ tokens }) => tokens)),
        rows: Math.max(...microBatches.map(({ rows }) => rows)),
      };
      const answer = this.#checked(() =>
        this.#submitStep(this.#optimizer!, results, size, {
          microBatches,
          lossWeights,
          firstPass,
          update,
          deferResult,
        }),
      );
      answer.catch(() => undefined);
      return { answer };
    });
    const numbers = await this.#untilEnded(answer);
    return {
      losses: [...numbers.subarray(RESULT.losses, RESULT.losses + microBatches.length)],
      gradNorm: numbers[RESULT.norm],
      updated: numbers[RESULT.sound] === 1,
    };
  }

  collect(): void {
    // After the steps that were asked for before.
    void this.#inTurn(() => {
      this.#collectNow();
      return Promise.resolve();
    }).catch(() => undefined);
  }

  readTensor(kind: TensorKind, parameter: string): Promise<Float32Array> {
    return this.#inTurn(() => {
      const { bank, offset, floats } = this.#memory.place(parameter);
      return this.#checked(() =>
        this.#read(this.device.createCommandEncoder(), this.#memory.bank(kind, bank), offset * 4, floats),
      );
    });
  }

  writeTensor(
    kind: 'parameter' | 'moment1' | 'moment2',
    parameter: string,
    values: Float32Array,
    offset = 0,
  ): Promise<void> {
    return this.#inTurn(async () => {
      const place = this.#memory.place(parameter);
      if (offset + values.length > place.floats)
        throw new RangeError(
          `${kind} of ${parameter} has ${place.floats} elements; ${values.length} from ${offset} on were given`,
        );
      await this.#checked(() => {
        this.device.queue.writeBuffer(
          this.#memory.bank(kind, place.bank),
          (place.offset + offset) * 4,
          values,
        );
        return Promise.resolve();
      });
    });
  }

  async close(): Promise<void> {
    await this.#queue.catch(() => undefined);
    if (!this.#ended) {
      this.#collectNow();
      // A device that is lost meanwhile may answer none of them.
      if (this.#results) await this.#untilEnded(this.#results.until(0)).catch(() => undefined);
    }
    this.#end(new TrainingError('session-closed', {}));
    this.#inference.destroy();
    this.#training.destroy();
    for (const program of this.#others.values()) program.destroy();
    this.#optimizer?.destroy();
    this.#results?.destroy();
    this.#memory.destroy();
  }

  /**
   * All of a step in one submission: the batches, forward and backward passes, the update, and the reading of
   * its result where it is due.
   */
  #submitStep(
    optimizer: Optimizer,
    results: StepResults,
    size: BatchSize,
    { microBatches, lossWeights, firstPass, update, deferResult }: StepRequest,
  ): Promise<Float32Array> {
    this.#training.reserve(size, microBatches.length);
    const encoder = this.device.createCommandEncoder();
    for (const [i, batch] of microBatches.entries()) {
      this.#training.encode(
        encoder,
        batch,
        { lossWeight: lossWeights[i], seed: this.#seed, pass: firstPass + i },
        { gradients: i === 0 ? 'gradient' : 'incoming', place: i },
      );
      encoder.copyBufferToBuffer(
        this.#training.output('loss'),
        0,
        optimizer.results,
        (RESULT.losses + i) * 4,
        4,
      );
      if (i > 0) optimizer.encodeAdd(encoder);
    }
    optimizer.encodeUpdate(encoder, update, microBatches.length, results.outstanding === 0);
    const answer = results.hold(encoder, optimizer.results);
    const read = !deferResult || results.full ? results.collect(encoder) : undefined;
    this.device.queue.submit([encoder.finish()]);
    read?.();
    return answer;
  }

  /** The ring of results, with room for one more step. */
  async #resultsFor(optimizer: Optimizer, microBatches: number): Promise<StepResults> {
    if (!optimizer.holds(microBatches) || !this.#results) {
      this.#collectNow();
      await this.#results?.until(0);
      this.#results?.destroy();
      optimizer.expect(microBatches);
      this.#results = new StepResults(this.device, RESULT.losses + microBatches);
    }
    if (this.#results.outstanding >= STEPS_IN_FLIGHT) {
      this.#collectNow();
      await this.#results.until(STEPS_IN_FLIGHT - 1);
    }
    return this.#results;
  }

  #collectNow(): void {
    if (!this.#results?.holding) return;
    const encoder = this.device.createCommandEncoder();
    const read = this.#results.collect(encoder);
    this.device.queue.submit([encoder.finish()]);
    read();
  }

  #end(reason: Error): void {
    this.#ended ??= reason;
    for (const reject of this.#waiting) reject(this.#ended);
    this.#waiting.clear();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#queue
      .catch(() => undefined)
      .then(() => {
        if (this.#ended) throw this.#ended;
        return this.#untilEnded(work());
      });
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  /** What `work` gives, or why the session ended before. */
  #untilEnded<T>(work: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#ended) {
        work.catch(() => undefined);
        reject(this.#ended);
        return;
      }
      this.#waiting.add(reject);
      work.then(resolve, reject).finally(() => this.#waiting.delete(reject));
    });
  }

  /**
   * Runs work that makes buffers and submits; what the device finds wrong with it becomes the error of the
   * call, and ends the session.
   */
  async #checked<T>(work: () => Promise<T>): Promise<T> {
    this.device.pushErrorScope('validation');
    this.device.pushErrorScope('out-of-memory');
    let result: Promise<T>;
    let popped: Promise<GPUError | null>[];
    try {
      result = work();
      // It is awaited below; the scopes come first.
      result.catch(() => undefined);
    } finally {
      popped = [this.device.popErrorScope(), this.device.popErrorScope()];
    }
    const [memory, validation] = await Promise.all(popped);
    if (memory ?? validation) {
      const error = memory
        ? this.#outOfMemory(memory.message)
        : new TrainingError('gpu-command-refused', { reason: validation!.message });
      // Buffers may be missing, and what was submitted may not have run.
      this.#end(error);
      throw error;
    }
    try {
      return await result;
    } catch (cause) {
      throw cause instanceof AttuneError
        ? cause
        : new TrainingError('gpu-failed', { reason: (cause as Error).message }, { cause });
    }
  }

  #outOfMemory(reason: string): TrainingError {
    return new TrainingError('gpu-memory-exhausted', {
      run: this.#demands?.map(({ part }) => part),
      each: this.#memory.bytes,
      reason,
    });
  }

  /** Submits what `encoder` holds with a copy of `floats` numbers at the end, and gives those. */
  async #read(
    encoder: GPUCommandEncoder,
    source: GPUBuffer,
    offset: number,
    floats: number,
  ): Promise<Float32Array> {
    const staging = this.device.createBuffer({
      label: 'staging',
      size: floats * 4,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    try {
      encoder.copyBufferToBuffer(source, offset, staging, 0, floats * 4);
      this.device.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ);
      return new Float32Array(staging.getMappedRange().slice(0));
    } finally {
      staging.destroy();
    }
  }
}
