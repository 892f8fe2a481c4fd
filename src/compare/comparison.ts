/**
 * The result of `attune compare` as data: what is written to `comparison.json` in the run's folder, what
 * `--json` prints, and all that the report is made of. Plain JSON: arrays of numbers, null where a figure is
 * undefined (an AUC without a class, a size that does not apply).
 */
import type { Attribution } from '../train/classifier.js';
import type { LogRecord } from '../train/records.js';

export type { Attribution } from '../train/classifier.js';

/**
 * A metric with its 95 % interval over the test rows: exact for accuracy, by the effective sample size for F1
 * (metrics/proportion.ts), by bootstrap percentiles for AUC.
 */
export interface Estimate {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

export interface ClassRow {
  readonly label: string;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Test rows of this class. */
  readonly support: number;
  /** One-vs-rest; null where the class is absent. */
  readonly auc: number | null;
  /**
   * One-vs-rest ROC curve from (0, 0) to (1, 1), thinned where it has many points; empty where the class is
   * absent.
   */
  readonly roc: {
    readonly falsePositiveRate: readonly number[];
    readonly truePositiveRate: readonly number[];
  };
}

export interface ReliabilityBin {
  /** Bounds of the confidence (largest probability) of the rows in this bin. */
  readonly from: number;
  readonly to: number;
  readonly rows: number;
  readonly meanConfidence: number;
  readonly accuracy: number;
}

/**
 * A model against the best of the others (metrics/best-set.ts). The bounds hold for all models at once: the
 * upper ones with 95 %, and the lower ones.
 */
export interface AgainstBest {
  /** Weighted F1 minus the highest of the other models', and its bounds. */
  readonly difference: number;
  readonly low: number;
  readonly high: number;
  /** Whether it is in the best set: not shown to be worse than any other. */
  readonly mayBeBest: boolean;
  /** Whether it is shown to lose at most the margin to the best. */
  readonly withinMargin: boolean;
  /** Rows that only this model, and only the best (for the best itself: the second), had right. */
  readonly onlyThis: number;
  readonly onlyBest: number;
  /**
   * Test rows that would show it to be within the margin in four cases of five, were it as good as the best;
   * null for the best.
   */
  readonly rowsToShow: number | null;
}

/** Id of the fine-tuned model. */
export const FINE_TUNED = 'gpt2-finetuned';

export type Interpretability = 'high' | 'medium' | 'low';

export interface ModelResult {
  /**
   * Stable short name: gpt2-finetuned, gpt2-probe, word2vec-logistic, word2vec-svc, word2vec-forest,
   * tfidf-logistic, afinn, majority.
   */
  readonly id: string;
  /** For people, such as "Fine-tuned gpt2-mini" or "Word2Vec + logistic regression". */
  readonly name: string;
  /** One sentence: what it is. */
  readonly description: string;
  readonly accuracy: Estimate;
  /** Weighted F1, from `predict`. */
  readonly f1: Estimate;
  /** Weighted one-vs-rest AUC, from the probabilities. */
  readonly auc: Estimate;
  readonly classes: readonly ClassRow[];
  /** [K][K] rows; true class first, predicted class second. */
  readonly confusion: readonly (readonly number[])[];
  readonly calibration: {
    readonly bins: readonly ReliabilityBin[];
    /** Expected calibration error, 0 to 1. */ readonly ece: number;
  };
  readonly cost: {
    readonly trainSeconds: number;
    /** Median time of one text alone, milliseconds, from text to class. */
    readonly latencyMs: number;
    /** Texts a second when all test rows are given at once. */
    readonly rowsPerSecond: number;
    /** All files that prediction needs. */
    readonly bytesOnDisk: number;
    /**
     * Highest resident memory of the process while this model was trained; null where it was not measured.
     */
    readonly peakMemoryBytes: number | null;
  };
  readonly interpretability: { readonly level: Interpretability; readonly why: string };
  /** null where there is no other model. */
  readonly againstBest: AgainstBest | null;
  /** Class index and probabilities of each test row, [rows] and [rows][K]. */
  readonly predictions: {
    readonly labels: readonly number[];
    readonly probabilities: readonly (readonly number[])[];
  };
}

/** What a model said of a row. */
export interface Opinion {
  /** Class index. */
  readonly label: number;
  readonly probabilityOfTruth: number;
}

export interface WorstError {
  /** Index of the test row. */
  readonly row: number;
  readonly text: string;
  readonly label: number;
  /** What each model said, by its id. A file that was edited may lack some. */
  readonly opinions: Readonly<Partial<Record<string, Opinion>>>;
  /** Gradient times input of the fine-tuned GPT-2 for the class it predicted, token by token. */
  readonly attributions: readonly Attribution[];
}

/** One word as static and contextual vectors see it. */
export interface WordStudy {
  readonly word: string;
  /**
   * Sentences of the dataset with the word in them, each with its place in a 2-D projection (PCA) of the
   * model's hidden states at that word.
   */
  readonly occurrences: readonly {
    readonly text: string;
    readonly label: number;
    readonly x: number;
    readonly y: number;
  }[];
  /**
   * Smallest, mean and largest cosine similarity between pairs of those hidden states; between copies of the
   * one Word2Vec vector it is always 1.
   */
  readonly cosine: { readonly min: number; readonly mean: number; readonly max: number };
  /** The word's nearest neighbours by Word2Vec. */
  readonly staticNeighbours: readonly { readonly word: string; readonly similarity: number }[];
  /** For some occurrences, the nearest words in context: the neighbour with the sentence it stands in. */
  readonly contextualNeighbours: readonly {
    readonly occurrence: number;
    readonly neighbours: readonly {
      readonly word: string;
      readonly text: string;
      readonly similarity: number;
    }[];
  }[];
}

/** Why the fine-tuned model may be worse, or look better, than it could be (diagnosis.ts). */
export interface Finding {
  readonly code: 'leaked-rows' | 'ended-in-warm-up' | 'loss-near-chance' | 'learned-by-heart';
  /** Numbers that the sentence speaks of. */
  readonly facts: Readonly<Record<string, number>>;
  readonly sentence: string;
}

/** What one run of the fine-tuning came to on the test rows. */
export interface SeedResult {
  readonly seed: number;
  readonly accuracy: number;
  /** Weighted. */
  readonly f1: number;
  /** Weighted one-vs-rest; null where it is undefined. */
  readonly auc: number | null;
}

/** The fine-tuning repeated under other seeds, at least one. */
export interface SeedSpread {
  /** That of the model in the table first. */
  readonly runs: readonly SeedResult[];
  /** Of weighted F1 over the runs. */
  readonly mean: number;
  /** Of weighted F1 over the runs, with n - 1. */
  readonly deviation: number;
  /**
   * Of the model's weighted F1 over other test rows: a quarter of what its 95 % interval spans, nearly
   * (divided by 3.92).
   */
  readonly rowDeviation: number;
  /** Runs whose weighted F1 no other model exceeds. */
  readonly highest: number;
}

/** What to take for one need. */
export interface Choice {
  /** Such as "a small download". */
  readonly aim: string;
  /** Id of the model. */
  readonly model: string;
  readonly reason: string;
}

export interface Verdict {
  /** The loss of weighted F1 that is accepted for a simpler model. */
  readonly margin: number;
  /** Id of the model with the highest weighted F1; of equals the smallest on disk, then the simplest. */
  readonly best: string;
  /**
   * By how much its F1 is too high because it was chosen for it, and the 95 % interval that allows for the
   * choice.
   */
  readonly optimism: number;
  readonly low: number;
  readonly high: number;
  /** Ids of the models that may be the best, highest F1 first. */
  readonly bestSet: readonly string[];
  /**
   * Id of the simplest model that is shown to lose at most the margin to the best and that none of those
   * dominates in F1, latency and size; null where there is none.
   */
  readonly recommended: string | null;
  /** Ids of all models, simplest first: the order that "simpler" refers to. */
  readonly simplestFirst: readonly string[];
  /**
   * Weighted F1 of the fine-tuned model minus that of the linear probe of the untuned one, with its 95 %
   * interval; null where one is missing.
   */
  readonly tuning: { readonly difference: number; readonly low: number; readonly high: number } | null;
  readonly findings: readonly Finding[];
  /** null where the fine-tuning was not repeated. */
  readonly seeds: SeedSpread | null;
  readonly choices: readonly Choice[];
  /** The verdict in plain words with its uncertainty, a sentence an entry. */
  readonly sentences: readonly string[];
}

export interface Comparison {
  /** 1 until attune 0.1.0; such files are read, and judged anew from their predictions. */
  readonly version: 2;
  /** ISO 8601. */
  readonly created: string;
  readonly attuneVersion: string;
  readonly machine: {
    readonly processor: string;
    readonly cores: number;
    readonly memoryBytes: number;
    readonly platform: string;
    readonly node: string;
  };
  readonly dataset: {
    readonly name: string;
    readonly labelNames: readonly string[];
    readonly trainRows: number;
    readonly testRows: number;
    /** Rows of each class. */
    readonly trainCounts: readonly number[];
    readonly testCounts: readonly number[];
    /** GPT-2 tokens of each training text, before truncation. */
    readonly trainLengths: readonly number[];
    readonly maxLength: number;
    /** True class of each test row. */
    readonly testLabels: readonly number[];
  };
  readonly seed: number;
  /** In the order of the table: best first. */
  readonly models: readonly ModelResult[];
  readonly verdict: Verdict;
  /** The fine-tuning run's records, from trainer_state.json; empty where they are not to be had. */
  readonly logHistory: readonly LogRecord[];
  readonly worstErrors: readonly WorstError[];
  /** Of the TF-IDF model: the n-grams with the largest weights for each class, and their weights. */
  readonly topNgrams: readonly {
    readonly label: string;
    readonly ngrams: readonly { readonly ngram: string; readonly weight: number }[];
  }[];
  readonly words: readonly WordStudy[];
}
