/**
 * The datasets on which the rules of the plan (src/train/plan.ts) were fitted, and others on which they are
 * confirmed. No two learn from the same row; those of tweets are tested on the same ones.
 */
import { join } from 'node:path';
import { readRows } from '#attune/data/rows.js';
import { loadSample } from '#attune/data/sample.js';
import { MT19937 } from '#attune/random/mt19937.js';

export interface Example {
  readonly text: string;
  readonly label: string;
}

export interface BenchDataset {
  readonly name: string;
  readonly half: 'fit' | 'confirm';
  readonly classes: number;
  load(tweets: string): Promise<{ readonly train: readonly Example[]; readonly test: readonly Example[] }>;
}

/** Words of 20 subjects. Neighbours share the last two of theirs, so that no word decides alone. */
const SUBJECTS = [
  'goal striker keeper league stadium penalty',
  'guitar melody chorus drummer album concert',
  'oven flour butter recipe simmer garlic',
  'planet orbit telescope comet galaxy star',
  'engine brake tyre gearbox mileage clutch',
  'doctor fever vaccine clinic symptom dose',
  'election senate ballot minister vote campaign',
  'server database router firewall browser patch',
  'garden soil seed compost tulip prune',
  'ticket airline luggage passport hotel flight',
  'loan interest mortgage savings broker deposit',
  'novel chapter poet publisher plot author',
  'puppy leash kennel vet bark collar',
  'lawyer verdict judge court appeal witness',
  'fabric sleeve button tailor dress stitch',
  'storm rainfall thunder forecast drought breeze',
  'school pupil teacher exam lesson homework',
  'tractor harvest barley cattle plough barn',
  'sculpture canvas gallery brush portrait exhibit',
  'sailor harbour anchor mast deck voyage',
].map((words) => words.split(' '));
const FILLER = [
  'the a and but so we they it was is had been very quite about with from this that there then after',
  'before again still only some more people day time thing way',
].flatMap((words) => words.split(' '));
const PRAISE = 'love great wonderful excellent happy perfect enjoyed pleasant brilliant delightful'.split(
  ' ',
);
const BLAME = 'hate awful terrible poor sad broken disappointed boring useless dreadful'.split(' ');

class Draw {
  readonly #generator: MT19937;

  constructor(seed: number) {
    this.#generator = new MT19937(seed);
  }

  /** In [0, 1). */
  share(): number {
    return this.#generator.nextUint32() / 2 ** 32;
  }

  integer(from: number, to: number): number {
    return from + Math.floor(this.share() * (to - from + 1));
  }

  of<T>(values: readonly T[]): T {
    return values[this.integer(0, values.length - 1)];
  }
}

interface Shape {
  readonly rows: number;
  readonly classes: number;
  /** Words a text, from and to. */
  readonly words: readonly [number, number];
  /** Share of words of the class's subject, and of any other one's. */
  readonly telling: number;
  readonly misleading: number;
  /** Of the first class; equal shares by default. */
  readonly firstShare?: number;
}

const TEST_ROWS = 600;

function topics(
  seed: number,
  { rows, classes, words: [from, to], telling, misleading, firstShare = 1 / classes }: Shape,
): { train: Example[]; test: Example[] } {
  const draw = new Draw(seed);
  const first = draw.integer(0, SUBJECTS.length - 1);
  const wordsOf = (label: number): string[] => {
    const at = (first + label) % SUBJECTS.length;
    return [...SUBJECTS[at], ...SUBJECTS[(at + 1) % SUBJECTS.length].slice(-2)];
  };
  const row = (): Example => {
    const label = draw.share() < firstShare ? 0 : draw.integer(1, classes - 1);
    const text = Array.from({ length: draw.integer(from, to) }, () => {
      const drawn = draw.share();
      if (drawn < telling) return draw.of(wordsOf(label));
      return drawn < telling + misleading ? draw.of(draw.of(SUBJECTS)) : draw.of(FILLER);
    });
    return { text: text.join(' '), label: `subject ${label}` };
  };
  const all = Array.from({ length: rows + TEST_ROWS }, row);
  return { train: all.slice(0, rows), test: all.slice(rows) };
}

/** Praise and blame, negated in every third text. */
function opinions(seed: number, rows: number, praised = 0.5): { train: Example[]; test: Example[] } {
  const draw = new Draw(seed);
  const row = (): Example => {
    const isPraise = draw.share() < praised;
    const isNegated = draw.share() < 1 / 3;
    const word = draw.of(isPraise === isNegated ? BLAME : PRAISE);
    const filler = (): string =>
      Array.from({ length: draw.integer(1, 6) }, () => draw.of([...FILLER, ...draw.of(SUBJECTS)])).join(' ');
    return {
      text: `${filler()} ${isNegated ? 'was not at all' : 'was'} ${word} ${filler()}`,
      label: isPraise ? 'praise' : 'blame',
    };
  };
  const all = Array.from({ length: rows + TEST_ROWS }, row);
  return { train: all.slice(0, rows), test: all.slice(rows) };
}

/** Rows of the tweets, from row `from` on; tested on the first 1,000 of their test split. */
async function tweets(
  folder: string,
  from: number,
  rows: number,
): Promise<{ train: Example[]; test: Example[] }> {
  const read = async (name: string): Promise<Example[]> =>
    (await readRows(join(folder, name))).map(({ text, label }) => ({ text, label: `feeling ${label}` }));
  const test = await read('test.jsonl');
  return { train: (await read('train.jsonl')).slice(from, from + rows), test: test.slice(0, 1000) };
}

/**
 * The bundled sentences: those of the sample under its usual seed, and the others of the package, which other
 * seeds bring.
 */
async function bundled(
  part: (drawn: { readonly usual: readonly Example[]; readonly others: readonly Example[] }) => {
    train: readonly Example[];
    test: readonly Example[];
  },
): ReturnType<BenchDataset['load']> {
  const drawn = async (seed: number): Promise<Example[]> => {
    const { train, test } = await loadSample(seed);
    return [...train.rows, ...test.rows].map(({ text, labelText }) => ({ text, label: labelText! }));
  };
  const usual = await drawn(42);
  const others = new Map<string, Example>();
  for (const seed of [1, 2, 3, 4, 5]) for (const each of await drawn(seed)) others.set(each.text, each);
  for (const { text } of usual) others.delete(text);
  return part({ usual, others: [...others.values()] });
}

const SHORT = [6, 14] as const;
const LONG = [60, 110] as const;

const ofTopics = (name: string, half: BenchDataset['half'], seed: number, shape: Shape): BenchDataset => ({
  name,
  half,
  classes: shape.classes,
  load: () => Promise.resolve(topics(seed, shape)),
});
const ofOpinions = (
  name: string,
  half: BenchDataset['half'],
  seed: number,
  rows: number,
  praised?: number,
): BenchDataset => ({ name, half, classes: 2, load: () => Promise.resolve(opinions(seed, rows, praised)) });
const ofTweets = (name: string, half: BenchDataset['half'], from: number, rows: number): BenchDataset => ({
  name,
  half,
  classes: 3,
  load: (folder) => tweets(folder, from, rows),
});

export const DATASETS: readonly BenchDataset[] = [
  {
    name: 'bundled sentences, 1,000',
    half: 'fit',
    classes: 2,
    load: () =>
      bundled(({ usual, others }) => ({
        train: usual.slice(0, 1000),
        test: [...usual.slice(1000), ...others.slice(0, 600)],
      })),
  },
  ofOpinions('opinions, 300', 'fit', 11, 300),
  ofTweets('tweets, 200', 'fit', 0, 200),
  ofTopics('4 topics, 400', 'fit', 12, {
    rows: 400,
    classes: 4,
    words: SHORT,
    telling: 0.15,
    misleading: 0.1,
  }),
  ofTopics('2 topics 90/10, 800', 'fit', 13, {
    rows: 800,
    classes: 2,
    words: SHORT,
    telling: 0.15,
    misleading: 0.1,
    firstShare: 0.9,
  }),
  ofTweets('tweets, 1,000', 'fit', 200, 1000),
  ofTopics('12 topics, 1,200', 'fit', 14, {
    rows: 1200,
    classes: 12,
    words: SHORT,
    telling: 0.2,
    misleading: 0.1,
  }),
  ofTopics('3 topics long, 300', 'fit', 15, {
    rows: 300,
    classes: 3,
    words: LONG,
    telling: 0.03,
    misleading: 0.05,
  }),
  ofTweets('tweets, 5,000', 'fit', 1200, 5000),

  {
    name: 'other bundled sentences, 800',
    half: 'confirm',
    classes: 2,
    load: () => bundled(({ others }) => ({ train: others.slice(600, 1400), test: others.slice(1400) })),
  },
  ofTweets('other tweets, 200', 'confirm', 10_000, 200),
  ofTweets('other tweets, 1,000', 'confirm', 10_200, 1000),
  ofOpinions('opinions 90/10, 500', 'confirm', 21, 500, 0.9),
  ofTopics('2 topics, 150', 'confirm', 22, {
    rows: 150,
    classes: 2,
    words: SHORT,
    telling: 0.15,
    misleading: 0.1,
  }),
  ofTopics('5 topics 90/10, 1,000', 'confirm', 23, {
    rows: 1000,
    classes: 5,
    words: SHORT,
    telling: 0.25,
    misleading: 0.1,
    firstShare: 0.9,
  }),
  ofTopics('6 topics long, 300', 'confirm', 24, {
    rows: 300,
    classes: 6,
    words: LONG,
    telling: 0.04,
    misleading: 0.05,
  }),
  ofTopics('20 topics, 1,500', 'confirm', 25, {
    rows: 1500,
    classes: 20,
    words: SHORT,
    telling: 0.25,
    misleading: 0.1,
  }),
  ofTweets('other tweets, 5,000', 'confirm', 11_200, 5000),
];
