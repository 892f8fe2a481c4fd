import type { WORD2VEC_ERRORS } from '#attune/errors/codes/word2vec-errors.js';
import type { Examples } from './examples.js';

const file = 'vectors.txt';

export const WORD2VEC_EXAMPLES: Examples<typeof WORD2VEC_ERRORS> = {
  'word2vec-option-unsupported': [
    { option: 'hs', spelled: 'hs' },
    { option: 'workers', spelled: 'workers' },
    { option: 'sortedVocab', spelled: 'sorted_vocab' },
    { option: 'maxVocabSize', spelled: 'maxVocabSize' },
    { option: 'trimRule', spelled: 'trim_rule' },
    { option: 'corpusFile', spelled: 'corpus_file' },
    { option: 'nullWord', spelled: 'nullWord' },
    { option: 'computeLoss', spelled: 'compute_loss' },
    { option: 'callbacks', spelled: 'callbacks' },
    { option: 'hashfxn', spelled: 'hashfxn' },
  ],
  'word2vec-min-alpha-above-alpha': [{ minAlpha: 0.02, alpha: 0.01 }],
  'word2vec-sentence-no-list': [
    { sentence: 0, found: 'string' },
    { sentence: 0, found: 'number' },
  ],
  'word2vec-word-no-text': [{ sentence: 1, found: '7' }],
  'word2vec-without-words': [{}],
  'word2vec-words-too-rare': [{ least: 5 }],
  'word2vec-order-word': [{ word: 'lamp' }],
  'word2vec-order-incomplete': [{ missing: 3, example: 'lamp' }],
  'word2vec-memory-unavailable': [{ bytes: 5_000_000_000 }],
  'word2vec-diverged': [{}],
  'word2vec-interrupted': [{}],
  'word2vec-vectors-size': [{ numbers: 5, vectorSize: 2, words: 3 }],
  'word2vec-counts-size': [{ counts: 2, words: 3 }],
  'word2vec-word-repeated': [{ words: 3 }],
  'word2vec-word-unknown': [
    { word: 'lmap', words: 120, nearest: 'lamp' },
    { word: 'quince', words: 120, nearest: undefined },
  ],
  'word2vec-vector-size': [{ found: 2, expected: 100 }],
  'word2vec-word-unsavable': [{ word: 'two words' }],
  'word2vec-file-header': [{ file }],
  'word2vec-file-too-short': [
    { file, words: 1000, vectorSize: 100, binary: false },
    { file, words: 1000, vectorSize: 100, binary: true },
  ],
  'word2vec-file-ends': [
    { file, word: 2, binary: false },
    { file, word: 2, binary: true },
  ],
  'word2vec-file-numbers': [{ file, word: 2, found: 99, expected: 100 }],
  'word2vec-file-number': [{ file, word: 2, found: '0.1x' }],
  'word2vec-file-not-finite': [{ file, word: 2 }],
  'word2vec-file-not-utf8': [{ file, word: 2 }],
  'word2vec-file-endless': [
    { file, word: 2, limit: 16_777_216 },
    { file, word: undefined, limit: 16_777_216 },
  ],
};
