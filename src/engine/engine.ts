/**
 * What the trainer knows of an engine. An engine holds one model's parameters, their gradients and AdamW's
 * moments, and runs the model's two graphs over packed batches. All engines take the same requests and, up to
 * rounding, give the same answers; engine/reference (float64) says what they mean.
 */
import type { Graph } from '../graph/graph.js';
import type { ModelGraphs } from '../model/gpt2.js';
import type { PackedBatch } from './batch.js';

/**
 * Decoupled weight decay (Loshchilov & Hutter 2019) as PyTorch's AdamW does it, after clipping to a global L2
 * norm as clip_grad_norm_ does.
 */
export interface UpdateSettings {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Applied to the parameters whose spec says `decay`. */
  readonly weightDecay: number;
  /** Gradients are scaled by min(1, maxGradNorm / (norm + 1e-6)); 0 turns clipping off. */
  readonly maxGradNorm: number;
  /** Number of this update, from 1: the exponent of the bias corrections. */
  readonly step: number;
}

/** One optimizer step over a window of micro-batches, whose gradients are summed. */
export interface StepRequest {
  readonly microBatches: readonly PackedBatch[];
  /** What each micro-batch's sum of row losses is multiplied by: 1 / rows gives the mean. */
  readonly lossWeights: readonly number[];
  /** Count of forward passes of training before this window: with the seed, it decides the dropout masks. */
  readonly firstPass: number;
  readonly update: UpdateSettings;
  /**
   * The caller goes on without this step's result, which may then come with a later one's, or after
   * `collect`. Only engines with `stepsInFlight` make use of it. Where such a step is not sound, those that
   * were asked for before its result was known change nothing either.
   */
  readonly deferResult?: boolean;
}

export interface StepResult {
  /** Weighted loss of each micro-batch. */
  readonly losses: readonly number[];
  /** L2 norm over all gradients of the window, before clipping. */
  readonly gradNorm: number;
  /** False where a loss or the norm was not finite: then nothing was updated. */
  readonly updated: boolean;
  /** Where the time went, from engines that can tell. */
  readonly milliseconds?: StepMilliseconds;
}

export interface StepMilliseconds {
  readonly forwardBackward: number;
  /** The gradient's norm; the clipping itself is part of the update. */
  readonly norm: number;
  readonly update: number;
}

/**
 * What an engine keeps of each parameter. `gradient` is that of the last step, before clipping; it can be
 * read only.
 */
export type TensorKind = 'parameter' | 'moment1' | 'moment2' | 'gradient';

export interface EngineSession {
  /** One line for people: what computes, and with how many threads. */
  readonly description: string;
  /** What the user should know of the choice of the engine, such as why no GPU computes. */
  readonly note?: string;
  /**
   * Logits [B, K] of a batch, without dropout.
   *
   * @throws TrainingError `session-closed`, `cpu-engine-failed`, `gpu-failed`, `gpu-memory-exhausted`
   */
  infer(batch: PackedBatch): Promise<Float32Array>;
  /**
   * The outputs, by name, of another graph over the model's parameters, which the session keeps for the next
   * batch. The graph has no loss and no dropout, and none of its outputs is the gradient of a table. Engines
   * that cannot leave it out.
   */
  evaluate?(graph: Graph, batch: PackedBatch): Promise<ReadonlyMap<string, Float32Array>>;
  /** @throws as `infer` */
  step(request: StepRequest): Promise<StepResult>;
  /**
   * Steps that should be under way at once with their results deferred; absent: each is waited for. It
   * follows the speed of the steps: what is under way cannot be taken back, and a run that is stopped waits
   * for it.
   */
  readonly stepsInFlight?: number;
  /** Has the deferred results brought. */
  collect?(): void;
  /** A copy, row-major, in the shape of the parameter. */
  readTensor(kind: TensorKind, parameter: string): Promise<Float32Array>;
  /**
   * Parameters start undefined: write each before the first run. Moments start at zero.
   *
   * @param offset where `values` is a part of the tensor: the first element it replaces. Large models are
   *   written so, to be in memory once
   */
  writeTensor(
    kind: 'parameter' | 'moment1' | 'moment2',
    parameter: string,
    values: Float32Array,
    offset?: number,
  ): Promise<void>;
  close(): Promise<void>;
}

export interface SessionOptions {
  /** Seed of the dropout masks. */
  readonly seed: number;
  /** Threads of the engine; absent: as many as this process may use. */
  readonly threads?: number | undefined;
  /** Handed on to the session. */
  readonly note?: string;
  /**
   * What will be asked of the session at most; engines with a memory of their own refuse at once what does
   * not fit.
   */
  readonly workload?: () => Promise<Workload>;
  /** What will be asked for first: engines make it ready while the weights are being written. */
  readonly first?: 'training' | 'prediction';
}

/** The largest batches of a run. */
export interface Workload {
  /** Absent: no training. */
  readonly training?:
    { readonly rows: number; readonly tokens: number; readonly microBatches: number } | undefined;
  /** Absent: no prediction that is known of. */
  readonly prediction?: { readonly rows: number; readonly tokens: number } | undefined;
}

export interface Engine {
  readonly name: string;
  /**
   * Begins what `open` will need whatever the model, such as loading libraries in a thread. Only engines that
   * have something to begin.
   */
  warmUp?(): WarmEngine | undefined;
  open(model: ModelGraphs, options: SessionOptions): Promise<EngineSession>;
}

/** An engine that gets ready while model and data are still being read. */
export interface WarmEngine {
  /** As the engine's own `open`; the first session takes over what was begun. */
  open(model: ModelGraphs, options: SessionOptions): Promise<EngineSession>;
  /** Ends, and waits for, what was begun and no session took over. To be called in any case. */
  close(): Promise<void>;
}

/**
 * Warms an engine up. Whoever calls it closes what it returns, because a process must not end while a native
 * library is being loaded.
 */
export function warmUp(engine: Engine): WarmEngine {
  return (
    engine.warmUp?.() ?? {
      open: (model, options) => engine.open(model, options),
      close: () => Promise.resolve(),
    }
  );
}
