/** What the session says to its worker and hears from it. */
import type { Described } from '../../errors/shell.js';
import type { PackedBatch } from '../batch.js';
import type { StepRequest, StepResult, TensorKind } from '../engine.js';
import type { CoreModel } from './core.js';
import type { LoweredGraph } from './lowering.js';

/** The first message. It has no answer: where the model cannot be opened, the thread dies of it. */
export interface Opening {
  readonly open: CoreModel;
  /** What to make ready at once. */
  readonly first: 'training' | 'prediction' | undefined;
}

export type Request =
  /** Answered when the thread has loaded its native library. */
  | { readonly call: 'loaded' }
  | { readonly call: 'infer'; readonly batch: PackedBatch }
  /** `lowered` comes with the first batch of a graph; later ones name it by its number. */
  | {
      readonly call: 'evaluate';
      readonly graph: number;
      readonly lowered: LoweredGraph | undefined;
      readonly batch: PackedBatch;
    }
  | { readonly call: 'step'; readonly request: StepRequest }
  | { readonly call: 'read'; readonly kind: TensorKind; readonly name: string }
  /** `values` lie in memory that both threads see. */
  | {
      readonly call: 'write';
      readonly kind: 'parameter' | 'moment1' | 'moment2';
      readonly name: string;
      readonly values: Float32Array;
      readonly offset: number;
    }
  | { readonly call: 'close' };

export interface Answers {
  loaded: undefined;
  infer: Float32Array;
  evaluate: ReadonlyMap<string, Float32Array>;
  step: StepResult;
  read: Float32Array;
  write: undefined;
  close: undefined;
}

export interface Numbered {
  readonly id: number;
  readonly request: Request;
}

export interface Answer {
  readonly id: number;
  readonly value?: Answers[keyof Answers];
  readonly error?: Failure;
}

/** An error as the worker reports it: its class does not survive the way. */
export interface Failure {
  readonly message: string;
  readonly stack?: string | undefined;
  /** Of an error of attune's own. */
  readonly described?: Described | undefined;
}
