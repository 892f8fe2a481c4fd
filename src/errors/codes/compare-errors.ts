/** What is wrong with a comparison, its metrics and its report. */
import type { PartObstacle } from '../phrases/obstacle.js';
import { obstacleText } from '../phrases/obstacle.js';
import { worded } from '../wording.js';

const NOT_A_COMPARISON =
  'It is not what `attune compare` of this version writes, or it was damaged; run the comparison again.';

export const COMPARE_ERRORS = {
  'comparison-without-test-rows': worded<{ finetuned: boolean; obstacle: PartObstacle | undefined }>({
    says: ({ obstacle }) =>
      obstacle === undefined
        ? 'a comparison needs test rows'
        : `a comparison needs test rows, and no test rows are parted off: ${obstacleText(obstacle)}`,
    hint: ({ finetuned, obstacle }, { argument, given }) => {
      const others = `give ${argument('evalDataset')} or a folder with train.* and test.*.`;
      return finetuned || obstacle !== undefined
        ? `Rows that it has not learned from: ${others}`
        : `Part some of the training rows off with ${given('testSize', 0.2)}, or ${others}`;
    },
  }),
  'comparison-split-empty': worded<{ split: 'train' | 'test' }>({
    says: ({ split }) => `${split}: there are no rows`,
    hint: () => 'A comparison needs rows to learn from and other rows to measure on: give both.',
  }),
  'comparison-classes-differ': worded<{
    folder: string;
    modelClasses: readonly string[];
    dataClasses: readonly string[];
  }>({
    says: ({ folder, modelClasses, dataClasses }) =>
      modelClasses.length === dataClasses.length
        ? `the model in ${folder} has other classes than the data`
        : `the model in ${folder} has ${modelClasses.length} classes, the data ${dataClasses.length}`,
    hint: () => 'Compare on the data that it was fine-tuned on.',
  }),
  'margin-out-of-range': worded<{ margin: number; least: number; usual: number }>({
    says: ({ margin, least }) => `the margin is ${margin}; it must be at least ${least} and less than 1`,
    hint: ({ usual }) => `It is the loss of weighted F1 that a simpler model may have, such as ${usual}.`,
  }),

  'word-study-labels-length': worded<{ labels: number; texts: number }>({
    says: ({ labels, texts }) => `labels has length ${labels}, but texts has length ${texts}`,
    hint: () => 'Give one label per text, in the order of the texts.',
  }),
  'hidden-states-count': worded<{ results: number; texts: number }>({
    says: ({ results, texts }) => `hiddenStates returned ${results} results for ${texts} texts`,
    hint: () => 'It must return one result per text, in the order of the texts.',
  }),
  'hidden-states-width': worded<{ result: number; width: number; expected: number }>({
    says: ({ result, width, expected }) =>
      `hiddenStates returned result ${result} with width ${width}, another one with ${expected}`,
    hint: () => 'It must return vectors of one width for all texts.',
  }),
  'hidden-states-length': worded<{ result: number; values: number; tokens: number; width: number }>({
    says: ({ result, values, tokens, width }) =>
      `hiddenStates returned result ${result} with ${values} values for ${tokens} tokens of width ${width}`,
    hint: ({ tokens, width }) => `It must return [tokens, width] = ${tokens * width} values there.`,
  }),

  'comparison-file-syntax': worded<{ file: string; line: number; column: number; reason: string }>({
    says: ({ file, line, column, reason }) => `${file}:${line}:${column}: ${reason}`,
    hint: () => NOT_A_COMPARISON,
  }),
  'comparison-file-invalid': worded<{ file: string; field: string; problem: string }>({
    says: ({ file, field, problem }) => [file, field, problem].filter(Boolean).join(': '),
    hint: () => NOT_A_COMPARISON,
  }),
  'report-source-unreadable': worded<{ file: string; reason: string }>({
    says: ({ file, reason }) => `cannot read ${file}: ${reason}`,
    hint: () => 'It must be a plain file that you may read.',
  }),
  'tensorboard-unwritable': worded<{ path: string; reason: string }>({
    says: ({ path, reason }) => `cannot write TensorBoard events to ${path}: ${reason}`,
    hint: (_, { argument }) =>
      'Check that the folder is writable and that there is space, ' +
      `or choose another one with ${argument('loggingDir')}.`,
  }),
};
