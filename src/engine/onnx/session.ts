/** The CPU engine: ONNX Runtime in a worker thread, so that progress, signals and files stay alive while it computes. */
import './no-telemetry.js';
import { Worker } from 'node:worker_threads';
import { TrainingError } from '../../errors.js';
import type { Graph } from '../../graph/graph.js';
import type { ModelGraphs } from '../../model/gpt2.js';
import { elementCount } from '../../model/parameters.js';
import type { PackedBatch } from '../batch.js';
import { usableCores } from '../cores.js';
import type { Engine, EngineSession, SessionOptions, StepRequest, StepResult, TensorKind } from '../engine.js';
import type { CoreModel } from './core.js';
import { lowerGraph } from './lowering.js';
import type { Answer, Answers, Numbered, Opening, Request } from './protocol.js';
import { Staging } from './staging.js';
import { threadsFor } from './threads.js';

interface Waiting {
  resolve(value: Answers[keyof Answers]): void;
  reject(error: Error): void;
}

class OnnxSession implements EngineSession {
  private readonly waiting = new Map<number, Waiting>();
  /** Graphs beside the model's own that the worker has, by number. */
  private readonly graphs = new Map<Graph, number>();
  private nextId = 0;
  private readonly staging = new Staging();
  /** Why no further request can be answered. */
  private ended: Error | undefined;

  private readonly sizes: ReadonlyMap<string, number>;

  readonly note?: string;

  constructor(
    private readonly worker: Worker,
    opening: Opening,
    readonly description: string,
    note?: string,
  ) {
    if (note !== undefined) this.note = note;
    worker.on('message', ({ id, value, error }: Answer) => {
      const request = this.waiting.get(id);
      this.waiting.delete(id);
      if (this.waiting.size === 0) worker.unref();
      if (error) request?.reject(new TrainingError(`the CPU engine failed: ${error.message}`, { cause: error.stack }));
      else request?.resolve(value);
    });
    worker.on('error', (cause) => this.end(new TrainingError(`the CPU engine's thread died: ${cause.message}`, { cause })));
    worker.on('messageerror', (cause) => this.end(new TrainingError(`an answer of the CPU engine's thread cannot be read: ${cause.message}`, { cause })));
    worker.on('exit', (code) => this.end(new TrainingError(`the CPU engine's thread ended (exit ${code}) with work under way`)));
    // A session that nobody waits for does not keep the process alive.
    worker.unref();
    worker.postMessage(opening);
    this.sizes = new Map(opening.open.parameters.map(({ name, shape }) => [name, elementCount(shape)]));
  }

  infer(batch: PackedBatch): Promise<Float32Array> {
    return this.ask({ call: 'infer', batch });
  }

  evaluate(graph: Graph, batch: PackedBatch): Promise<ReadonlyMap<string, Float32Array>> {
    const known = this.graphs.get(graph);
    if (known !== undefined) return this.ask({ call: 'evaluate', graph: known, lowered: undefined, batch });
    const lowered = lowerGraph(graph);
    this.graphs.set(graph, this.graphs.size);
    return this.ask({ call: 'evaluate', graph: this.graphs.size - 1, lowered, batch });
  }

  step(request: StepRequest): Promise<StepResult> {
    return this.ask({ call: 'step', request });
  }

  readTensor(kind: TensorKind, name: string): Promise<Float32Array> {
    return this.ask({ call: 'read', kind, name });
  }

  /** Done when the values may be overwritten; the thread takes them over in the order of all requests. */
  async writeTensor(kind: 'parameter' | 'moment1' | 'moment2', name: string, values: Float32Array, offset?: number): Promise<void> {
    const size = this.sizes.get(name);
    const fits = size !== undefined && (offset === undefined ? values.length === size : offset + values.length <= size);
    if (!fits) throw new TrainingError(`the CPU engine failed: ${name}: ${values.length} values for ${size ?? 'no parameter'}`);
    await this.staging.write(values, (piece, at) =>
      // The sizes are right, so only a thread that is gone fails here; and weights half written are none.
      this.ask({ call: 'write', kind, name, values: piece, offset: (offset ?? 0) + at }).catch((error: Error) => this.end(error)));
    if (this.ended) throw this.ended;
  }

  async close(): Promise<void> {
    // A thread that dies while it closes is closed: this stands in `finally` and must not hide why.
    if (!this.ended) await this.ask({ call: 'close' }).catch(() => undefined);
    this.ended ??= new TrainingError('the session is closed');
    await this.worker.terminate();
  }

  private ask<Call extends Request['call']>(request: Extract<Request, { call: Call }>): Promise<Answers[Call]> {
    if (this.ended) return Promise.reject(this.ended);
    const id = this.nextId++;
    const numbered: Numbered = { id, request };
    return new Promise((resolve, reject) => {
      // The worker answers each call with its own kind of value (protocol.ts).
      this.waiting.set(id, { resolve: (value) => resolve(value as Answers[Call]), reject });
      this.worker.ref();
      this.worker.postMessage(numbered);
    });
  }

  private end(reason: Error): void {
    this.ended ??= reason;
    for (const request of this.waiting.values()) request.reject(reason);
    this.waiting.clear();
  }
}

const startThread = (): Worker => new Worker(new URL('./worker.js', import.meta.url));

/** So long a thread waits for a session. */
const WAITS_MS = 60_000;

/** A thread that loads ONNX Runtime for the session that is opened next. */
let waitingThread: Worker | undefined;

export const onnxEngine: Engine = {
  name: 'cpu',
  ahead() {
    if (waitingThread) return;
    const thread = startThread();
    const forget = (): void => {
      if (waitingThread === thread) waitingThread = undefined;
    };
    // One that dies before it is needed is of no concern: whoever opens a session starts another, and hears what becomes of that.
    thread.on('error', forget);
    thread.on('exit', forget);
    thread.unref();
    waitingThread = thread;
    // What it was started for may have failed before a session was opened.
    setTimeout(() => {
      if (waitingThread !== thread) return;
      waitingThread = undefined;
      void thread.terminate();
    }, WAITS_MS).unref();
  },
  open(model: ModelGraphs, { seed, threads: wanted = usableCores(), note, first }: SessionOptions): Promise<EngineSession> {
    const training = lowerGraph(model.training, { preallocated: true });
    const threads = threadsFor({ parameters: model.parameters, training }, wanted);
    const core: CoreModel = {
      parameters: model.parameters,
      inference: lowerGraph(model.inference),
      training,
      seed,
      threads,
    };
    const thread = waitingThread ?? startThread();
    waitingThread = undefined;
    return Promise.resolve(new OnnxSession(thread, { open: core, first }, `CPU, ${threads} thread${threads === 1 ? '' : 's'} (ONNX Runtime)`, note));
  },
};
