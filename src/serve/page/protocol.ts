/** What page and worker say to each other. */
import type { ClassificationMetrics, LogRecord, Prediction } from './attune.js';

/** Rows as the user gave them; the name's ending says what they are. */
export type Rows =
  { readonly name: string; readonly text: string } | { readonly name: string; readonly file: File };

export interface DataChoice {
  readonly train: Rows;
  /** Rows of their own to evaluate on; absent: `testSize` of the training rows. */
  readonly evaluation?: Rows | undefined;
  readonly testSize: number;
  readonly trainRows: number;
  readonly evalRows: number;
  readonly textColumn: string;
  readonly labelColumn: string;
  readonly seed: number;
  readonly maxLength: number;
}

export interface TrainChoice {
  readonly data: DataChoice;
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
}

/** What is wrong, for people; `hint` says what to do. */
export interface Problem {
  readonly message: string;
  readonly hint?: string | undefined;
  /** The same request may succeed later: nothing is wrong with what the user gave. */
  readonly transient?: boolean | undefined;
}

export interface SplitSummary {
  readonly rows: number;
  readonly classes: readonly { readonly name: string; readonly rows: number }[];
  readonly meanTokens: number;
  readonly longest: number;
  readonly truncated: number;
  readonly duplicates: number;
}

export interface DataSummary {
  readonly train: SplitSummary;
  readonly test: SplitSummary;
  readonly leaked: number;
  readonly conflicts: number;
  readonly notes: readonly string[];
}

export type Scores = Pick<
  ClassificationMetrics,
  'loss' | 'accuracy' | 'f1' | 'auc' | 'perClass' | 'confusion'
>;

export type ToWorker =
  | { readonly type: 'start' }
  | { readonly type: 'check'; readonly id: number; readonly data: DataChoice }
  | { readonly type: 'train'; readonly choice: TrainChoice }
  /**
   * Of a run: an orderly end, which may take a while; the second one does without its evaluation or its
   * result.
   */
  | { readonly type: 'stop' }
  /** Goes on with the run that was stopped, with the rows and settings that it began with. */
  | { readonly type: 'continue' }
  | { readonly type: 'predict'; readonly id: number; readonly text: string }
  | { readonly type: 'archive' };

export type FromWorker =
  | {
      readonly type: 'ready';
      readonly model: string;
      readonly bytes: number;
      readonly adapter: string;
      readonly software: boolean;
    }
  /** Nothing can be computed here. */
  | { readonly type: 'unsupported'; readonly reason: string; readonly model: string }
  /** It could not be found out whether something can be computed here. */
  | { readonly type: 'unready'; readonly problem: Problem }
  | { readonly type: 'checked'; readonly id: number; readonly summary: DataSummary }
  | { readonly type: 'refused'; readonly id: number; readonly problem: Problem }
  | { readonly type: 'loading'; readonly done: number; readonly total: number }
  | { readonly type: 'preparing'; readonly what: string }
  | {
      readonly type: 'step';
      readonly step: number;
      readonly steps: number;
      readonly epoch: number;
      readonly seconds: number;
    }
  | { readonly type: 'evaluating'; readonly done: number; readonly rows: number }
  | { readonly type: 'record'; readonly record: LogRecord }
  | {
      readonly type: 'evaluation';
      readonly step: number;
      readonly rows: number;
      readonly labels: readonly string[];
      readonly scores: Scores;
    }
  | { readonly type: 'warning'; readonly message: string }
  | {
      readonly type: 'trained';
      readonly step: number;
      readonly steps: number;
      readonly seconds: number;
      readonly bytes: number;
      readonly labels: readonly string[];
      readonly stopped: boolean;
    }
  | { readonly type: 'failed'; readonly problem: Problem }
  | {
      readonly type: 'prediction';
      readonly id: number;
      readonly prediction: Pick<Prediction, 'text' | 'label' | 'scores'>;
    }
  | { readonly type: 'unpredicted'; readonly id: number; readonly problem: Problem }
  | { readonly type: 'unarchived'; readonly problem: Problem }
  | { readonly type: 'archived'; readonly name: string; readonly blob: Blob };

/** What worker.ts tells worker-link.ts of itself. */
export type LifeMessage =
  /** `locked`: it holds the lock that it was named after, until it is gone. */
  | { readonly type: 'alive'; readonly locked: boolean }
  /** It failed outside of any request. The page ends it. */
  | { readonly type: 'dying'; readonly reason: string };
