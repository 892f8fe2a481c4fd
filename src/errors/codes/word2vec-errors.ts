/** What is wrong with word2vec: its options, its sentences, its files. */
import { worded } from '../wording.js';

/** Options that gensim has and attune does not, with what to do instead. */
const INSTEAD = {
  hs: 'Only negative sampling is implemented: leave hs out, and set negative.',
  workers: 'Leave it out: one thread trains, so that the result depends only on the seed.',
  sortedVocab: 'Leave it out: words are always sorted by descending count.',
  maxVocabSize: 'Set minCount or maxFinalVocab: words are counted exactly.',
  trimRule: 'Leave words out of the sentences, or set minCount.',
  corpusFile: 'Read the file and give its sentences as lists of words.',
  nullWord: 'Leave it out.',
  computeLoss: 'Leave it out: the loss is not computed.',
  callbacks: 'Use onProgress.',
  hashfxn: 'Leave it out: the initial vectors come from the seed.',
} as const;

const LEAVE_BINARY_OUT = 'If the file is text, leave binary out.';
const SET_BINARY = 'If the file is binary, set binary.';

export const WORD2VEC_ERRORS = {
  'word2vec-option-unsupported': worded<{ option: keyof typeof INSTEAD; spelled: string }>({
    says: ({ spelled }) => `Word2Vec has no option ${spelled}`,
    hint: ({ option }) => INSTEAD[option],
  }),
  'word2vec-min-alpha-above-alpha': worded<{ minAlpha: number; alpha: number }>({
    says: ({ minAlpha, alpha }) => `minAlpha (${minAlpha}) is above alpha (${alpha})`,
    hint: () => 'The learning rate falls from alpha to minAlpha.',
  }),

  'word2vec-sentence-no-list': worded<{ sentence: number; found: string }>({
    says: ({ sentence, found }) =>
      `sentence ${sentence} is ${found === 'string' ? 'a string' : 'not a list'}; Word2Vec takes lists of words`,
    hint: () => 'Split texts with splitWords(text).',
  }),
  'word2vec-word-no-text': worded<{ sentence: number; found: string }>({
    says: ({ sentence, found }) => `sentence ${sentence} holds ${found}, which is not a string`,
    hint: () => 'Give each sentence as a list of strings; sentences are counted from 0.',
  }),
  'word2vec-without-words': worded<Record<string, never>>({
    says: () => 'there are no words to learn from',
    hint: () => 'Give at least one sentence with a word.',
  }),
  'word2vec-words-too-rare': worded<{ least: number }>({
    says: ({ least }) => `no word occurs ${least} times or more`,
    hint: () => 'Lower minCount, raise maxFinalVocab, or give more sentences.',
  }),
  'word2vec-order-word': worded<{ word: string }>({
    says: ({ word }) =>
      `the given word order has ${JSON.stringify(word)}, ` + 'which occurs twice or is not in the vocabulary',
    hint: () => 'List every word of the vocabulary once in wordOrder.',
  }),
  'word2vec-order-incomplete': worded<{ missing: number; example: string }>({
    says: ({ missing, example }) =>
      `the given word order lacks ${missing} of the vocabulary’s words, such as ${JSON.stringify(example)}`,
    hint: () => 'List every word of the vocabulary once in wordOrder.',
  }),

  'word2vec-memory-unavailable': worded<{ bytes: number }>({
    says: ({ bytes }) =>
      `Word2Vec needs ${(bytes / 2 ** 30).toFixed(2)} GiB for these sentences, ` +
      'which cannot be reserved (4 GiB at most)',
    hint: () => 'Raise minCount, or lower vectorSize.',
  }),
  'word2vec-diverged': worded<Record<string, never>>({
    says: () => 'Word2Vec training diverged: a vector is no longer finite',
    hint: () => 'Lower alpha.',
  }),
  'word2vec-interrupted': worded<Record<string, never>>({
    says: () => 'Word2Vec training was interrupted',
    hint: () => 'Nothing was learned: train again from the start.',
  }),

  'word2vec-vectors-size': worded<{ numbers: number; vectorSize: number; words: number }>({
    says: ({ numbers, vectorSize, words }) =>
      `${numbers} numbers do not make vectors of ${vectorSize} numbers for ${words} words`,
    hint: () => 'Give vectorSize numbers per word, one vector after the other.',
  }),
  'word2vec-counts-size': worded<{ counts: number; words: number }>({
    says: ({ counts, words }) => `there are ${counts} counts for ${words} words`,
    hint: () => 'Give one count per word, or none at all.',
  }),
  'word2vec-word-repeated': worded<{ words: number }>({
    says: ({ words }) => `a word occurs twice among the ${words} words`,
    hint: () => 'Give each word once.',
  }),
  'word2vec-word-unknown': worded<{ word: string; words: number; nearest: string | undefined }>({
    says: ({ word, words }) => `${JSON.stringify(word)} is not in the vocabulary of ${words} words`,
    hint: ({ nearest }) =>
      nearest === undefined ? 'Check with has(word) first.' : `Did you mean ${nearest}?`,
  }),
  'word2vec-vector-size': worded<{ found: number; expected: number }>({
    says: ({ found, expected }) => `the vector has ${found} numbers, but this model’s have ${expected}`,
    hint: ({ expected }) => `Give a vector of ${expected} numbers, such as one of this model.`,
  }),

  'word2vec-word-unsavable': worded<{ word: string }>({
    says: ({ word }) => `the word ${JSON.stringify(word)} cannot be saved in word2vec’s format`,
    hint: () => 'There, a space or a line feed ends a word, and a word is valid Unicode and not empty.',
  }),
  'word2vec-file-header': worded<{ file: string }>({
    says: ({ file }) => `${file} does not begin with "words size", two whole numbers`,
    hint: () => 'Is it a file of word vectors in word2vec’s format?',
  }),
  'word2vec-file-too-short': worded<{ file: string; words: number; vectorSize: number; binary: boolean }>({
    says: ({ file, words, vectorSize }) =>
      `${file} is too short for the ${words} vectors of ${vectorSize} numbers that its first line announces`,
    hint: ({ binary }) =>
      binary
        ? 'It may be cut off, or be text: then leave binary out.'
        : 'It may be cut off, or be binary: then set binary.',
  }),
  'word2vec-file-ends': worded<{ file: string; word: number; binary: boolean }>({
    says: ({ file, word, binary }) =>
      `${file}, word ${word}: the file ends ${binary ? 'within' : 'before'} it`,
    hint: ({ binary }) =>
      binary ? 'It may be cut off, or be text: then leave binary out.' : 'It may be cut off.',
  }),
  'word2vec-file-numbers': worded<{ file: string; word: number; found: number; expected: number }>({
    says: ({ file, word, found, expected }) =>
      `${file}, word ${word}: ${found} numbers instead of ${expected}`,
    hint: () => SET_BINARY,
  }),
  'word2vec-file-number': worded<{ file: string; word: number; found: string }>({
    says: ({ file, word, found }) => `${file}, word ${word}: ${JSON.stringify(found)} is not a finite number`,
    hint: () => SET_BINARY,
  }),
  'word2vec-file-not-finite': worded<{ file: string; word: number }>({
    says: ({ file, word }) => `${file}, word ${word}: a number is not finite`,
    hint: () => LEAVE_BINARY_OUT,
  }),
  'word2vec-file-not-utf8': worded<{ file: string; word: number }>({
    says: ({ file, word }) => `${file}, word ${word}: the word is not UTF-8`,
    hint: () => 'Save the vectors again in word2vec’s format, with words as UTF-8.',
  }),
  'word2vec-file-endless': worded<{ file: string; word: number | undefined; limit: number }>({
    says: ({ file, word, limit }) =>
      `${file}, ${word === undefined ? 'the first line' : `word ${word}`}: ` +
      `more than ${limit} bytes without an end`,
    hint: () =>
      'The file is not in word2vec’s format, or it is text and binary is set, or the other way round.',
  }),
};
