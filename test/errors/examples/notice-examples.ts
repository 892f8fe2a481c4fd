import type { NoticeCode, NoticeFacts } from '#attune/errors/notices.js';

/** Facts for every notice: one set for each form that its sentence takes. */
export const NOTICE_EXAMPLES: {
  readonly [Code in NoticeCode]: readonly [NoticeFacts<Code>, ...NoticeFacts<Code>[]];
} = {
  'split-of-several-files': [
    { split: 'train', files: ['a.csv', 'b.csv'] },
    { split: 'train', files: Array.from('abcdefghijk', (name) => `${name}.csv`) },
  ],
  'columns-guessed': [{ textColumn: 'review', labelColumn: 'stars' }],
  'null-texts': [
    { count: 1, first: { file: 'reviews.csv', line: 12 } },
    { count: 3, first: { file: 'reviews.csv', line: 12 } },
  ],
  'digits-are-numbers': [{ spelling: '01', place: { file: 'reviews.csv', line: 4 }, label: 1 }],
  'classes-look-alike': [
    { pairs: [['good', 'Good']] },
    { pairs: Array.from('abcd', (name): [string, string] => [name, `${name}\u200b`]) },
  ],
  'classes-renamed': [{ from: ['bad', 'good'], to: ['ham', 'spam'] }],
  'classes-taken-by-name': [{ inData: 0, name: 'good', inModel: 1 }],
  'test-split-unused': [{ rows: 20 }],
  'no-test-split': [
    { folder: 'reviews', others: [] },
    { folder: 'reviews', others: ['validation', 'extra'] },
  ],
  'no-test-rows': [
    { obstacle: { kind: 'too-few-rows', rows: 8 } },
    { obstacle: { kind: 'class-of-one-row', name: 'good' } },
    { obstacle: { kind: 'part-too-small', part: 20, rows: 100, classes: 50 } },
  ],
  'no-validation-rows': [{ obstacle: { kind: 'too-few-rows', rows: 8 } }],
  'first-rows-taken': [{ split: 'train', rows: 400, taken: 100 }],
  'fewer-rows-than-asked': [{ split: 'test', rows: 12, asked: 100 }],
  'rows-trained-on': [
    { learner: 'model', seen: 1, rows: 20 },
    { learner: 'baselines', seen: 3, rows: 20 },
  ],
  'argument-overridden': [{ winner: 'maxSteps', value: 5, loser: 'numTrainEpochs', lost: 3 }],
  'constant-schedule-no-warmup': [{}],
  'early-stopping-keeps-last': [{}],
};
