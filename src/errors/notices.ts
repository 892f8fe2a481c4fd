/** What a user should know though nothing is wrong: a code with its facts, as errors are. */
import { dumps } from '../json/python.js';
import { listed, shortList } from './phrases/lists.js';
import type { PartObstacle } from './phrases/obstacle.js';
import { obstacleText } from './phrases/obstacle.js';
import type { RecordPlace } from './phrases/places.js';
import { recordPlace } from './phrases/places.js';
import { shown } from './phrases/values.js';
import type { Shell } from './shell.js';
import { LIBRARY } from './shell.js';
import type { Facts } from './wording.js';

/** The sentence of a notice, without a full stop at its end. */
type Says<F extends Facts> = (facts: F, shell: Shell) => string;

const noted = <F extends Facts>(says: Says<F>): Says<F> => says;

/** Of pairs of classes that look alike. */
const MOST_PAIRS = 3;

export const NOTICES = {
  // The data
  'split-of-several-files': noted<{ split: string; files: readonly string[] }>(
    ({ split, files }) => `the ${split} split is ${files.length} files: ${shortList(files)}`,
  ),
  'columns-guessed': noted<{ textColumn: string; labelColumn: string }>(
    ({ textColumn, labelColumn }) => `the columns were guessed: text = ${textColumn}, label = ${labelColumn}`,
  ),
  'null-texts': noted<{ count: number; first: RecordPlace }>(({ count, first }) => {
    const what = count === 1 ? 'text is null and counts' : 'texts are null and count';
    return `${count} ${what} as empty; the first is ${recordPlace(first)}`;
  }),
  'digits-are-numbers': noted<{ spelling: string; place: RecordPlace; label: number }>(
    ({ spelling, place, label }) =>
      `labels written in digits are numbers: ${JSON.stringify(spelling)} (${recordPlace(place)}) is class ${label}`,
  ),
  'classes-look-alike': noted<{ pairs: readonly (readonly [string, string])[] }>(({ pairs }) => {
    const shown = pairs.slice(0, MOST_PAIRS).map(([one, other]) => `${dumps(one)} and ${dumps(other)}`);
    const more = pairs.length > MOST_PAIRS ? `, … (${pairs.length} pairs)` : '';
    return `classes that look alike are different ones: ${shown.join(', ')}${more}`;
  }),
  'classes-renamed': noted<{ from: readonly string[]; to: readonly string[] }>(
    ({ from, to }) =>
      `the model’s classes ${listed(from)} are called ${listed(to)} from now on: ` +
      'the names have nothing in common',
  ),
  'classes-taken-by-name': noted<{ inData: number; name: string; inModel: number }>(
    ({ inData, name, inModel }) =>
      `classes are matched by name: the data’s ${inData} (${shown(name)}) is the model’s ${inModel}`,
  ),

  // What is held out
  'test-split-unused': noted<{ rows: number }>(
    ({ rows }, { argument }) =>
      `the dataset’s own test split is not used, because ${argument('testSize')} makes one of ${rows} rows`,
  ),
  'no-test-split': noted<{ folder: string; others: readonly string[] }>(({ folder, others }, { given }) => {
    const rest =
      others.length === 0
        ? `${given('testSize', 0.2)} makes one of the training rows`
        : `it has ${others.join(', ')}: ${given('evalSplit', others[0])} evaluates on that`;
    return `${folder} holds no test.*, so there is no test split; ${rest}`;
  }),
  'no-test-rows': noted<{ obstacle: PartObstacle }>(
    ({ obstacle }) => `no test rows are held out: ${obstacleText(obstacle)}`,
  ),
  'no-validation-rows': noted<{ obstacle: PartObstacle }>(
    ({ obstacle }) => `no validation rows are held out: ${obstacleText(obstacle)}`,
  ),
  'first-rows-taken': noted<{ split: string; rows: number; taken: number }>(
    ({ split, rows, taken }) => `only the first ${taken} of the ${rows} rows of the ${split} split are taken`,
  ),
  'fewer-rows-than-asked': noted<{ split: string; rows: number; asked: number }>(
    ({ split, rows, asked }) =>
      `the ${split} split has ${rows} rows, fewer than the ${asked} asked for; all of them are used`,
  ),
  'rows-trained-on': noted<{ learner: 'model' | 'baselines'; seen: number; rows: number }>(
    ({ learner, seen, rows }) => {
      const who =
        learner === 'model'
          ? 'the model was trained on: the metrics flatter it'
          : 'the baselines are trained on: the metrics flatter them';
      return `${seen} of the ${rows} rows to measure on ${seen === 1 ? 'has a text' : 'have texts'} that ${who}`;
    },
  ),

  // Arguments of a run
  'argument-overridden': noted<{ winner: string; value: number; loser: string; lost: number }>(
    ({ winner, value, loser, lost }, { argument }) =>
      `${argument(winner)} (${value}) overrides ${argument(loser)} (${lost})`,
  ),
  'constant-schedule-no-warmup': noted<Record<string, never>>(
    () => 'the "constant" schedule has no warmup; "constant_with_warmup" has',
  ),
  'early-stopping-keeps-last': noted<Record<string, never>>(
    (_, { argument }) =>
      `early stopping without ${argument('loadBestModelAtEnd')}: ` +
      'the run ends with its last weights, not with the best',
  ),
} as const;

export type NoticeCode = keyof typeof NOTICES;
export type NoticeFacts<Code extends NoticeCode> = Parameters<(typeof NOTICES)[Code]>[0];

export interface Notice {
  readonly code: NoticeCode;
  readonly facts: Facts;
  /** In the library's terms. */
  readonly message: string;
}

export function notice<Code extends NoticeCode>(code: Code, facts: NoticeFacts<Code>): Notice {
  return { code, facts, message: noticeSentence({ code, facts }, LIBRARY) };
}

/** The sentence of a notice in a shell's terms. */
export function noticeSentence({ code, facts }: Pick<Notice, 'code' | 'facts'>, shell: Shell): string {
  return (NOTICES[code] as Says<Facts>)(facts, shell);
}
