/** What is wrong with the folder and the state of a saved classical model. */
import { didYouMean } from '../../nearest.js';
import type { InnerError, Plain } from '../wording.js';
import { worded } from '../wording.js';

const SAVE_STATE_AGAIN = (): string => 'Save it again.';
const SAVE_FILE_AGAIN = (): string => 'Save the estimator again.';

const damaged = (estimator: string, fault: string): string => `the saved ${estimator} is damaged: ${fault}`;

/** What does not fit together in the state of an estimator. */
const STATE_FAULTS = {
  'classes-descend': 'its classes are not ascending',
  'classes-none': 'it has no classes',
  'shares-unusable': 'it has no shares of classes, or a negative one',
  'trees-none': 'it has no trees',
  'lexicon-label-names': 'its labelNames are not those of its classes',
  'lexicon-settings': 'its settings are not those of a lexicon',
  'tfidf-settings': 'its settings are not those of a TF-IDF vectorizer',
  'tfidf-part': 'one of its parts is not an n-gram range with terms',
  'word2vec-words': 'the setting words is not a list of words',
  'word2vec-vectors': 'it has no float32 array vectors',
  'hidden-states-model': 'the name or the hash of its model is missing',
} as const;

/** What a field of estimator.json should have been. */
const FIELD_KINDS = { names: 'a list of names', list: 'a list', object: 'a JSON object' } as const;

/** @param classes undefined if the state of the estimator has no such number */
const namesFor = (names: number, classes: number | undefined): string =>
  classes === undefined
    ? `labelNames has ${names} names, but the number of the estimator’s classes is unknown`
    : `labelNames has ${names} names, but there are ${classes} classes`;

export const SAVED_ESTIMATOR_ERRORS = {
  'estimator-label-names-count': worded<{ names: number; classes: number | undefined }>({
    says: ({ names, classes }) => namesFor(names, classes),
    hint: () => 'Give one name per class, in the order of the labels.',
  }),
  'estimator-label-names-repeated': worded<{ name: string }>({
    says: ({ name }) => `labelNames has ${JSON.stringify(name)} twice`,
    hint: () => 'Give each class a name of its own.',
  }),
  'estimator-folder-occupied': worded<{ path: string }>({
    says: ({ path }) => `${path} is not part of a saved estimator, so it is not replaced`,
    hint: () => 'Choose another folder.',
  }),

  'estimator-file-unreadable': worded<{ file: string; reason: string }>({
    says: ({ file, reason }) => `cannot read ${file}: ${reason}`,
    hint: () => 'Give a folder that saveEstimator wrote.',
  }),
  'estimator-file-format': worded<{ file: string; format: number }>({
    says: ({ file, format }) => `${file} is not format ${format} of a saved estimator`,
    hint: () =>
      'It may have been saved by a newer version of attune: update, or save it again with this one.',
  }),
  'estimator-file-field': worded<{ file: string; field: string; expected: keyof typeof FIELD_KINDS }>({
    says: ({ file, field, expected }) =>
      `${file} is damaged: ${field === '' ? 'it' : field} is not ${FIELD_KINDS[expected]}`,
    hint: SAVE_FILE_AGAIN,
  }),
  'estimator-file-incomplete': worded<{ file: string; fields: readonly string[] }>({
    says: ({ file, fields }) => `${file} is damaged: ${fields.join(' or ')} is missing`,
    hint: SAVE_FILE_AGAIN,
  }),
  'estimator-file-label-names-count': worded<{
    file: string;
    names: number;
    classes: number | undefined;
  }>({
    says: ({ file, names, classes }) => `${file} is damaged: ${namesFor(names, classes)}`,
    hint: SAVE_FILE_AGAIN,
  }),
  'estimator-file-label-names-repeated': worded<{ file: string; name: string }>({
    says: ({ file, name }) => `${file} is damaged: labelNames has ${JSON.stringify(name)} twice`,
    hint: SAVE_FILE_AGAIN,
  }),

  'estimator-kind-unknown': worded<{ kind: string; known: readonly string[] }>({
    says: ({ kind }) => `this version of attune knows no estimator ${JSON.stringify(kind)} in this place`,
    hint: ({ kind, known }) =>
      didYouMean(kind, known) ?? 'It may have been saved by a newer version of attune.',
  }),
  'pipeline-state-empty': worded<Record<string, never>>({
    says: () => 'the saved pipeline has no steps',
    hint: SAVE_STATE_AGAIN,
  }),
  'estimator-state-unsound': worded<{ estimator: string; fault: keyof typeof STATE_FAULTS }>({
    says: ({ estimator, fault }) => damaged(estimator, STATE_FAULTS[fault]),
    hint: SAVE_STATE_AGAIN,
  }),
  'estimator-setting-not-number': worded<{ estimator: string; setting: string; found: Plain }>({
    says: ({ estimator, setting, found }) =>
      found === undefined
        ? damaged(estimator, `it has no setting ${setting}`)
        : damaged(estimator, `the setting ${setting} is ${JSON.stringify(found)}, not a number`),
    hint: SAVE_STATE_AGAIN,
  }),
  'estimator-setting-not-whole': worded<{ estimator: string; setting: string; found: number; min: number }>({
    says: ({ estimator, setting, found, min }) =>
      damaged(estimator, `the setting ${setting} is ${found}, not a whole number from ${min}`),
    hint: SAVE_STATE_AGAIN,
  }),
  'estimator-setting-not-positive': worded<{ estimator: string; setting: string; found: number }>({
    says: ({ estimator, setting, found }) =>
      damaged(estimator, `the setting ${setting} is ${found}, not above 0`),
    hint: SAVE_STATE_AGAIN,
  }),
  'estimator-array-missing': worded<{ estimator: string; array: string }>({
    says: ({ estimator, array }) => damaged(estimator, `it has no array ${array}`),
    hint: SAVE_STATE_AGAIN,
  }),
  'estimator-array-type': worded<{
    estimator: string;
    array: string;
    expected: 'float64' | 'float32' | 'int32';
  }>({
    says: ({ estimator, array, expected }) => damaged(estimator, `the array ${array} is not ${expected}`),
    hint: SAVE_STATE_AGAIN,
  }),
  'estimator-array-length': worded<{ estimator: string; array: string; found: number; expected: number }>({
    says: ({ estimator, array, found, expected }) =>
      damaged(estimator, `the array ${array} has ${found} numbers, not ${expected}`),
    hint: SAVE_STATE_AGAIN,
  }),
  'estimator-array-ragged': worded<{ estimator: string; array: string; found: number; columns: number }>({
    says: ({ estimator, array, found, columns }) =>
      damaged(estimator, `the array ${array} has ${found} numbers, not a multiple of ${columns}`),
    hint: SAVE_STATE_AGAIN,
  }),
  'estimator-array-not-finite': worded<{ estimator: string; array: string }>({
    says: ({ estimator, array }) =>
      damaged(estimator, `the array ${array} holds a number that is not finite`),
    hint: SAVE_STATE_AGAIN,
  }),
  'estimator-array-not-positive': worded<{ estimator: string; array: string }>({
    says: ({ estimator, array }) =>
      damaged(estimator, `the array ${array} holds a number that is not above 0`),
    hint: SAVE_STATE_AGAIN,
  }),
  'estimator-array-value': worded<{
    estimator: string;
    array: string;
    index: number;
    found: number;
    min: number;
    max: number;
  }>({
    says: ({ estimator, array, index, found, min, max }) =>
      damaged(estimator, `the array ${array} holds ${found} at ${index}, not a number from ${min} to ${max}`),
    hint: SAVE_STATE_AGAIN,
  }),
  'forest-node-target': worded<{ estimator: string; tree: number; node: number; target: number }>({
    says: ({ estimator, tree, node, target }) =>
      damaged(estimator, `tree ${tree} has a node ${node} that leads to ${target}`),
    hint: SAVE_STATE_AGAIN,
  }),

  'estimator-takes-other': worded<{
    folder: string;
    found: 'features' | 'texts';
    expected: 'features' | 'texts';
  }>({
    says: ({ folder, found, expected }) => `the estimator in ${folder} takes ${found}, not ${expected}`,
    hint: ({ found, expected }) =>
      found === 'texts'
        ? 'Load it with loadEstimator(folder, "texts").'
        : `Save a pipeline that begins with a transformer of ${expected}, or load it with loadEstimator.`,
  }),
  'estimator-needs-hidden-states': worded<{ folder: string }>({
    says: ({ folder }) =>
      `the estimator in ${folder} needs the hidden states of a GPT-2, which is not in the folder`,
    hint: () => 'Use TextClassifier.fromPretrained, which opens both.',
  }),
  'estimator-without-label-names': worded<{ folder: string }>({
    says: ({ folder }) => `the estimator in ${folder} has no names for its classes`,
    hint: () => 'Earlier versions of attune saved none: compare again, or save it with labelNames.',
  }),
  'baseline-takes-whole-texts': worded<{ folder: string; maxLength: number }>({
    says: ({ folder, maxLength }) =>
      `the model in ${folder} takes whole texts, not their first ${maxLength} tokens`,
    hint: (_, { argument }) => `Leave ${argument('maxLength')} out.`,
  }),
  'baseline-without-device': worded<{ folder: string; device: string }>({
    says: ({ folder, device }) => `the model in ${folder} computes on the CPU, not with ${device}`,
    hint: (_, { argument, given }) => `Leave ${argument('device')} out, or use ${given('device', 'cpu')}.`,
  }),
  'hidden-states-model-unavailable': worded<{ error: InnerError }>({
    says: ({ error }, { sentence }) =>
      `the GPT-2 whose hidden states are needed cannot be opened: ${sentence(error)}`,
    hint: ({ error }, { hint }) => hint(error),
  }),
  'hidden-states-model-differs': worded<{ model: string }>({
    says: ({ model }) =>
      `${model} is not the GPT-2 whose hidden states are needed: its weights, config or tokenizer differ`,
    hint: () => 'Put that model back in its place, or compare again with this one.',
  }),
};
