/** What is wrong with arguments: their names and values, what contradicts itself, a config file of them. */
import { didYouMean } from '../../nearest.js';
import type { Accepted } from '../phrases/arguments.js';
import { describeRange } from '../phrases/arguments.js';
import type { FactNumber } from '../phrases/values.js';
import { CHECK_PATH } from '../phrases/hints.js';
import { shown, shownNumber } from '../phrases/values.js';
import type { Shell } from '../shell.js';
import type { Plain } from '../wording.js';
import { worded } from '../wording.js';

/** An argument as it was spelled; of a file of arguments, in that file. */
type Spelled = { argument: string; file?: string | undefined };

const place = (file: string | undefined): string => (file === undefined ? '' : `${file}: `);

const isNumeric = ({ kind }: Accepted): boolean =>
  kind === 'number' || kind === 'integer' || kind === 'steps';

/** Numbers are not taken from strings. */
const isQuotedNumber = (accepts: Accepted, given: Plain): boolean =>
  isNumeric(accepts) && typeof given === 'string' && /^-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(given);

const spelling = ({ argument, file }: Spelled, shell: Shell): string =>
  file === undefined ? shell.argument(argument) : `"${argument}"`;

export const ARGUMENTS_ERRORS = {
  'argument-given-twice': worded<{ arguments: readonly [string, string]; file?: string | undefined }>({
    says: ({ arguments: [first, second], file }, shell) =>
      `${place(file)}${spelling({ argument: first, file }, shell)} and ` +
      `${spelling({ argument: second, file }, shell)} are the same argument, with different values`,
    hint: () => 'Give one of them.',
  }),
  'argument-invalid': worded<Spelled & { accepts: Accepted; given: Plain }>({
    says: ({ argument, file, accepts, given }, shell) =>
      `${place(file)}${spelling({ argument, file }, shell)} ` +
      `must be ${describeRange(accepts)}; got ${isNumeric(accepts) ? shownNumber(given) : shown(given)}`,
    hint: ({ accepts, given }) => {
      if (isQuotedNumber(accepts, given)) return 'Give the number without quotes.';
      const meant =
        accepts.kind === 'enum' && typeof given === 'string' ? didYouMean(given, accepts.choices) : undefined;
      return meant ?? 'Correct the value, or leave the argument out.';
    },
  }),
  'argument-unknown': worded<Spelled & { known: readonly string[] }>({
    says: ({ argument, file }, shell) =>
      `${place(file)}${spelling({ argument, file }, shell)} is not an argument that attune knows`,
    hint: ({ argument, known }) =>
      didYouMean(argument, known) ?? 'Leave it out: no argument has a similar name.',
  }),
  'arguments-beside-args': worded<{ argument: string }>({
    says: ({ argument }, shell) =>
      `${shell.argument(argument)} is given beside args, which has all arguments already`,
    hint: () => 'Give the arguments one by one, or all of them as args.',
  }),
  'best-epoch-without-rows': worded<Record<string, never>>({
    says: () => 'there are no rows to choose the best epoch by',
    hint: (_, { argument }) => `Give more rows, or set ${argument('validationSize')}.`,
  }),
  'best-model-needs-checkpoints': worded<{ evalStrategy: string; saveStrategy: string }>({
    says: ({ evalStrategy, saveStrategy }, { argument }) =>
      `${argument('loadBestModelAtEnd')} needs a checkpoint of every evaluation, ` +
      `but ${argument('evalStrategy')} is "${evalStrategy}" and ${argument('saveStrategy')} is "${saveStrategy}"`,
    hint: () => 'Set both to "epoch", or both to "steps".',
  }),
  'best-model-needs-evaluations': worded<Record<string, never>>({
    says: (_, { argument }) =>
      `${argument('loadBestModelAtEnd')} compares evaluations, but ${argument('evalStrategy')} is "no"`,
    hint: (_, { argument }) =>
      `Set ${argument('evalStrategy')} and ${argument('saveStrategy')} to "epoch", or both to "steps".`,
  }),
  'best-model-save-steps': worded<{ saveSteps: number; evalSteps: number }>({
    says: ({ saveSteps, evalSteps }, { argument }) =>
      `${argument('loadBestModelAtEnd')} needs ${argument('saveSteps')} ` +
      `to be a multiple of ${argument('evalSteps')}, but they are ${saveSteps} and ${evalSteps}`,
    hint: (_, { argument }) =>
      `Set ${argument('saveSteps')} to ${argument('evalSteps')}, or to a multiple of it; ` +
      'both whole numbers, or both fractions.',
  }),
  'config-file-nested': worded<{ file: string }>({
    says: ({ file }) => `${file}: a config file cannot name another one`,
    hint: () => 'Leave "config" out, and copy the options of the other file here.',
  }),
  'config-file-not-an-object': worded<{ file: string }>({
    says: ({ file }) => `${file}: expected a JSON object of options, such as {"learningRate": 5e-5}`,
    hint: () => 'Put the options between braces, each as "name": value.',
  }),
  'config-file-syntax': worded<{ file: string; line: number; column: number; reason: string }>({
    says: ({ file, line, column, reason }) => `${file}:${line}:${column}: broken JSON: ${reason}`,
    hint: () => 'Correct the file there: a config file is JSON.',
  }),
  'config-file-unreadable': worded<{ file: string; reason: string }>({
    says: ({ file, reason }) => `cannot read the config file ${file}: ${reason}`,
    hint: () => CHECK_PATH,
  }),
  'dataset-missing': worded<Record<string, never>>({
    says: (_, { argument }) => `${argument('dataset')} is missing`,
    hint: () =>
      'Give a file of labeled texts, a folder with train.* and test.*, or `sample` for the bundled sentences.',
  }),
  'early-stopping-needs-evaluations': worded<Record<string, never>>({
    says: (_, { argument }) =>
      `${argument('earlyStoppingPatience')} counts evaluations, but ${argument('evalStrategy')} is "no"`,
    hint: (_, { argument }) => `Set ${argument('evalStrategy')} to "epoch" or "steps".`,
  }),
  'evaluation-without-rows': worded<{ evalStrategy: string }>({
    says: ({ evalStrategy }, { argument }) =>
      `${argument('evalStrategy')} is "${evalStrategy}", but there are no evaluation rows`,
    hint: (_, { argument, given }) =>
      `Hold out some of the training rows with ${given('testSize', 0.2)}, ` +
      `give others with ${argument('evalDataset')}, or set ${argument('evalStrategy')} to "no".`,
  }),
  'max-length-exceeds-positions': worded<{ given: FactNumber; limit: number }>({
    says: ({ given, limit }, { argument }) =>
      `${argument('maxLength')} is ${given}, but the model has only ${limit} positions`,
    hint: ({ limit }, shell) => `Use ${shell.given('maxLength', limit)} or less.`,
  }),
  'metric-for-best-model-unknown': worded<{ given: string; known: readonly string[] }>({
    says: ({ given, known }, { argument }) =>
      `${argument('metricForBestModel')} must be one of ${known.join(', ')}; got "${given}"`,
    hint: ({ given, known }) =>
      didYouMean(given.replace(/^eval_/, ''), known) ?? 'Choose one of these: evaluations report no other.',
  }),
  'model-missing': worded<Record<string, never>>({
    says: (_, { argument }) => `${argument('model')} is missing`,
    hint: () => 'Give the output folder of a training run.',
  }),
  'seeds-out-of-range': worded<{ given: FactNumber; limit: number }>({
    says: ({ given, limit }, { argument }) =>
      `${argument('seeds')} must be a whole number, at least 1 and at most ${limit}; got ${given}`,
    hint: (_, { given }) =>
      `Each seed is a training run of its own; ${given('seeds', 3)} shows how much the metrics vary.`,
  }),
};
