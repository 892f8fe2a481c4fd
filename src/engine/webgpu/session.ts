/**
 * The WebGPU engine: one model's parameters, gradients and moments on the device, its two graphs as compute passes, the optimizer. Nothing here needs
 * Node: the caller brings the device (node.ts: Dawn; a browser: its own).
 */
import { AttuneError, TrainingError } from '../../errors.js';
import { gradientName } from '../../model/gpt2.js';
import type { ModelGraphs } from '../../model/gpt2.js';
import type { Graph } from '../../graph/graph.js';
import type { PackedBatch } from '../batch.js';
import { elementsOf } from './dispatch.js';
import type { EngineSession, StepRequest, StepResult, TensorKind } from '../engine.js';
import type { Gpu } from './gpu.js';
import { DeviceMemory, mebibytes } from './memory.js';
import { Optimizer, RESULT } from './optimizer.js';
import type { Pipelines } from './pipelines.js';
import { Program } from './program.js';

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
  private readonly memory: DeviceMemory;
  private readonly inference: Program;
  private readonly training: Program;
  private readonly seed: number;
  /** Programs of graphs that callers brought. */
  private readonly others = new Map<Graph, Program>();
  private optimizer: Optimizer | undefined;
  private ended: Error | undefined;
  private lost: Promise<never>;
  /** Requests run one after the other, because they share buffers. */
  private queue: Promise<unknown> = Promise.resolve();

  constructor({ device, pipelines }: Gpu, private readonly model: ModelGraphs, { seed, description }: WebGpuSessionOptions) {
    this.device = device;
    this.pipelines = pipelines;
    this.seed = seed;
    this.description = description;
    this.memory = new DeviceMemory(device, model.parameters);
    this.inference = new Program({ device, pipelines }, this.memory, model.inference);
    this.training = new Program({ device, pipelines }, this.memory, model.training, new Map(model.parameters.map(({ name }) => [gradientName(name), name])));
    this.lost = device.lost.then(({ reason, message }) => {
      this.ended ??= new TrainingError(`the GPU device was lost${reason === 'destroyed' ? ' (destroyed)' : ''}: ${message}`, {
        hint: 'Checkpoints saved so far are whole: go on with --resume-from-checkpoint, on the GPU or with --device cpu.',
      });
      throw this.ended;
    });
    // Each wait races against it; without one of those it must not count as unhandled.
    this.lost.catch(() => undefined);
  }

  infer(batch: PackedBatch): Promise<Float32Array> {
    return this.inTurn(async () => {
      await this.inference.prepare(batch);
      const classes = this.model.inference.outputs.get('logits')!.shape[1] as number;
      return this.checked(() => {
        const encoder = this.device.createCommandEncoder();
        this.inference.encode(encoder, batch, { lossWeight: 1, seed: this.seed, pass: 0 });
        return this.read(encoder, this.inference.output('logits'), 0, batch.rows * classes);
      });
    });
  }

  evaluate(graph: Graph, batch: PackedBatch): Promise<ReadonlyMap<string, Float32Array>> {
    return this.inTurn(async () => {
      let program = this.others.get(graph);
      if (!program) {
        program = new Program(this, this.memory, graph);
        this.others.set(graph, program);
      }
      await program.prepare(batch);
      const prepared = program;
      return this.checked(async () => {
        const encoder = this.device.createCommandEncoder();
        prepared.encode(encoder, batch, { lossWeight: 1, seed: this.seed, pass: 0 });
        this.device.queue.submit([encoder.finish()]);
        const outputs = [...graph.outputs].map(async ([name, { shape }]) => {
          const floats = elementsOf(shape, batch);
          return [name, await this.read(this.device.createCommandEncoder(), prepared.output(name), 0, floats)] as const;
        });
        return new Map(await Promise.all(outputs));
      });
    });
  }

  step({ microBatches, lossWeights, firstPass, update }: StepRequest): Promise<StepResult> {
    return this.inTurn(async () => {
      if (!this.optimizer) {
        const made = new Optimizer(this, this.memory);
        await made.prepare();
        this.optimizer = made;
      }
      for (const batch of microBatches) await this.training.prepare(batch);
      const optimizer = this.optimizer;
      const results = await this.checked(() => {
        optimizer.expect(microBatches.length);
        let encoder = this.device.createCommandEncoder();
        for (const [i, batch] of microBatches.entries()) {
          // The next batch is uploaded into the same buffer, so what uses this one must be on its way.
          if (i > 0) {
            this.device.queue.submit([encoder.finish()]);
            encoder = this.device.createCommandEncoder();
          }
          const target = i === 0 ? 'gradient' : 'incoming';
          // Rows of the tables that the batch does not use are not written.
          for (const bank of this.memory.banks.keys()) encoder.clearBuffer(this.memory.bank(target, bank));
          this.training.encode(encoder, batch, { lossWeight: lossWeights[i], seed: this.seed, pass: firstPass + i }, target);
          encoder.copyBufferToBuffer(this.training.output('loss'), 0, optimizer.results, (RESULT.losses + i) * 4, 4);
          if (i > 0) optimizer.encodeAdd(encoder);
        }
        optimizer.encodeUpdate(encoder, update, microBatches.length);
        return this.read(encoder, optimizer.results, 0, RESULT.losses + microBatches.length);
      });
      return { losses: [...results.subarray(RESULT.losses)], gradNorm: results[RESULT.norm], updated: results[RESULT.sound] === 1 };
    });
  }

  readTensor(kind: TensorKind, parameter: string): Promise<Float32Array> {
    return this.inTurn(() => {
      const { bank, offset, floats } = this.memory.place(parameter);
      return this.checked(() => this.read(this.device.createCommandEncoder(), this.memory.bank(kind, bank), offset * 4, floats));
    });
  }

  writeTensor(kind: 'parameter' | 'moment1' | 'moment2', parameter: string, values: Float32Array, offset = 0): Promise<void> {
    return this.inTurn(async () => {
      const place = this.memory.place(parameter);
      if (offset + values.length > place.floats) throw new RangeError(`${kind} of ${parameter} has ${place.floats} elements; ${values.length} from ${offset} on were given`);
      await this.checked(() => {
        this.device.queue.writeBuffer(this.memory.bank(kind, place.bank), (place.offset + offset) * 4, values);
        return Promise.resolve();
      });
    });
  }

  async close(): Promise<void> {
    await this.queue.catch(() => undefined);
    this.ended ??= new TrainingError('the session is closed');
    this.inference.destroy();
    this.training.destroy();
    for (const program of this.others.values()) program.destroy();
    this.optimizer?.destroy();
    this.memory.destroy();
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.queue.catch(() => undefined).then(() => {
      if (this.ended) throw this.ended;
      return Promise.race([work(), this.lost]);
    });
    this.queue = turn.catch(() => undefined);
    return turn;
  }

  /** Runs work that makes buffers and submits; what the device finds wrong with it becomes the error of the call. */
  private async checked<T>(work: () => Promise<T>): Promise<T> {
    this.device.pushErrorScope('validation');
    this.device.pushErrorScope('out-of-memory');
    let result: Promise<T>;
    try {
      result = work();
      // It is awaited below; the scopes come first.
      result.catch(() => undefined);
    } finally {
      const popped = [this.device.popErrorScope(), this.device.popErrorScope()];
      const [memory, validation] = await Promise.all(popped);
      if (memory) throw this.outOfMemory(memory.message);
      if (validation) throw new TrainingError(`the GPU refused a command: ${validation.message}`, { hint: 'This is a defect of attune: please report it. --device cpu works meanwhile.' });
    }
    try {
      return await result;
    } catch (cause) {
      throw cause instanceof AttuneError ? cause : new TrainingError(`the GPU failed: ${(cause as Error).message}`, { cause });
    }
  }

  private outOfMemory(message: string): TrainingError {
    const each = mebibytes(this.memory.bytes);
    return new TrainingError(`the GPU has too little memory (${message}): parameters, gradients and two moments take ${each} each, beside the batch's intermediate results`, {
      hint: 'Use smaller batches with --gradient-accumulation-steps, a smaller --max-length, or --device cpu.',
    });
  }

  /** Submits what `encoder` holds with a copy of `floats` numbers at the end, and gives those. */
  private async read(encoder: GPUCommandEncoder, source: GPUBuffer, offset: number, floats: number): Promise<Float32Array> {
    const staging = this.device.createBuffer({ label: 'staging', size: floats * 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
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
