/**
 * A made-up data set that can be learnt: templated sentences whose words say their class, with some labels
 * turned.
 */
import { Random } from './random.js';

export const SENTENCE_LABELS = ['negative', 'neutral', 'positive'] as const;

const THINGS = [
  'kettle',
  'garden',
  'train',
  'lamp',
  'soup',
  'harbour',
  'violin',
  'blanket',
  'bicycle',
  'window',
];
const WORDS = [
  ['awful', 'broken', 'terrible', 'sad', 'bad', 'horrible'],
  ['square', 'wooden', 'second', 'usual', 'northern', 'grey'],
  ['wonderful', 'lovely', 'good', 'happy', 'excellent', 'great'],
] as const;
const TEMPLATES = [
  (thing: string, word: string) => `The ${thing} was ${word} today.`,
  (thing: string, word: string) => `What a ${word} ${thing}, I thought on the way home`,
  (thing: string, word: string) => `my ${thing}?? ${word}, as the others said`,
  (thing: string, word: string) => `${word} ${thing} again, in the ${word} rain`,
];

export interface Sentence {
  readonly text: string;
  readonly label: number;
  readonly label_text: string;
}

/** `turned`: share of rows whose label is drawn anew. */
export function sentences(
  count: number,
  seed: number,
  { turned = 0.1, classes = 3 }: { readonly turned?: number; readonly classes?: 2 | 3 } = {},
): Sentence[] {
  const random = new Random(seed);
  const labels = classes === 3 ? [0, 1, 2] : [0, 2];
  const pick = <T>(values: readonly T[]): T => values[random.integer(0, values.length - 1)];
  return Array.from({ length: count }, () => {
    const meant = pick(labels);
    const text = pick(TEMPLATES)(pick(THINGS), pick(WORDS[meant]));
    const shown = random.integer(1, 1000) <= 1000 * turned ? pick(labels) : meant;
    const label = labels.indexOf(shown);
    return { text, label, label_text: SENTENCE_LABELS[shown] };
  });
}
