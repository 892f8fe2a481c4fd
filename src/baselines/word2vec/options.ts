import { UsageError } from '../../errors/attune-error.js';
import type { ArgumentTable, Given, Resolved } from '../../train/argument-table.js';
import { checkGiven, snakeCase, withDefaults } from '../../train/argument-table.js';

const MODEL = 'Model';
const TRAINING = 'Training';
const VOCABULARY = 'Vocabulary';

/**
 * Names, defaults and meaning are gensim 4.2's, but for `minCount`, which is 5 there: the texts here are
 * short and few.
 */
export const WORD2VEC_OPTIONS = {
  vectorSize: {
    kind: 'integer',
    default: 100,
    min: 1,
    max: 65536,
    group: MODEL,
    description: 'numbers a vector',
  },
  sg: {
    kind: 'integer',
    default: 0,
    min: 0,
    max: 1,
    group: MODEL,
    description: '1: skip-gram; 0: continuous bag of words',
  },
  cbowMean: {
    kind: 'integer',
    default: 1,
    min: 0,
    max: 1,
    group: MODEL,
    description: '1: the bag is the mean of its vectors; 0: their sum',
  },
  window: {
    kind: 'integer',
    default: 5,
    min: 1,
    max: 1_000_000,
    group: MODEL,
    description: 'words on either side that may count as context',
  },
  shrinkWindows: {
    kind: 'boolean',
    default: true,
    group: MODEL,
    description: 'draw each window from 1 to `window`',
  },
  negative: {
    kind: 'integer',
    default: 5,
    min: 1,
    max: 1000,
    group: MODEL,
    description: 'random words a word is told apart from',
  },
  nsExponent: {
    kind: 'number',
    default: 0.75,
    min: -8,
    max: 8,
    group: MODEL,
    description: 'random words are drawn in proportion to their count to this power',
  },

  epochs: { kind: 'integer', default: 5, min: 1, group: TRAINING, description: 'passes over the sentences' },
  alpha: {
    kind: 'number',
    default: 0.025,
    above: 0,
    group: TRAINING,
    description: 'learning rate at the start',
  },
  minAlpha: {
    kind: 'number',
    default: 0.0001,
    min: 0,
    group: TRAINING,
    description: 'learning rate at the end',
  },
  batchWords: {
    kind: 'integer',
    default: 10_000,
    min: 1,
    max: 10_000,
    group: TRAINING,
    description: 'words of a job; the learning rate changes with the job',
  },
  seed: {
    kind: 'integer',
    default: 1,
    min: 0,
    max: 2 ** 32 - 1,
    group: TRAINING,
    description: 'decides first vectors, windows, subsampling and random words',
  },

  minCount: {
    kind: 'integer',
    default: 1,
    min: 1,
    group: VOCABULARY,
    description: 'rarer words are left out',
  },
  maxFinalVocab: {
    kind: 'integer',
    default: undefined,
    min: 1,
    group: VOCABULARY,
    description: 'raises min-count so that no more words than these remain',
  },
  sample: {
    kind: 'number',
    default: 1e-3,
    min: 0,
    group: VOCABULARY,
    description: 'words of a larger share are left out at random; 0: none',
  },
} as const satisfies ArgumentTable;

/** What a caller may give; gensim's own spelling (`vector_size`) is understood too. */
export type Word2VecOptions = Given<typeof WORD2VEC_OPTIONS>;
export type ResolvedWord2VecOptions = Resolved<typeof WORD2VEC_OPTIONS>;

/** What gensim has and this does not. */
const REFUSED = [
  'hs',
  'workers',
  'sortedVocab',
  'maxVocabSize',
  'trimRule',
  'corpusFile',
  'nullWord',
  'computeLoss',
  'callbacks',
  'hashfxn',
] as const;

/**
 * @throws UsageError naming the option and what it accepts: `argument-*`, `word2vec-option-unsupported`,
 *   `word2vec-min-alpha-above-alpha`
 */
export function resolveWord2VecOptions(given: Readonly<Record<string, unknown>>): ResolvedWord2VecOptions {
  for (const option of REFUSED) {
    const spelled = [option, snakeCase(option)].find((spelling) => given[spelling] !== undefined);
    if (spelled !== undefined) throw new UsageError('word2vec-option-unsupported', { option, spelled });
  }
  const options = withDefaults(WORD2VEC_OPTIONS, checkGiven(WORD2VEC_OPTIONS, given));
  const { alpha, minAlpha } = options;
  if (minAlpha > alpha) throw new UsageError('word2vec-min-alpha-above-alpha', { minAlpha, alpha });
  return options;
}
