/** What is wrong with a comparison, its metrics and its report. */
import type { PartObstacle } from '../phrases/obstacle.js';
import { listed } from '../phrases/lists.js';
import { obstacleText } from '../phrases/obstacle.js';
import type { FactNumber } from '../phrases/values.js';
import { worded } from '../wording.js';

const NOT_A_COMPARISON =
  'This version of attune did not write the file, or it is damaged: run the comparison again.';

export const COMPARE_ERRORS = {
  'comparison-without-test-rows': worded<{ finetuned: boolean; obstacle: PartObstacle | undefined }>({
    says: ({ obstacle }) =>
      obstacle === undefined
        ? 'a comparison needs test rows'
        : `a comparison needs test rows, and none are held out: ${obstacleText(obstacle)}`,
    hint: ({ finetuned, obstacle }, { argument, given }) => {
      const others = `${argument('evalDataset')}, or a folder with train.* and test.*`;
      if (finetuned) return `Give rows that the model was not trained on: ${others}.`;
      return obstacle === undefined
        ? `Hold out some of the training rows with ${given('testSize', 0.2)}, or give ${others}.`
        : `Give other rows to test on: ${others}.`;
    },
  }),
  'comparison-split-empty': worded<{ split: 'train' | 'test' }>({
    says: ({ split }) => `the ${split} split has no rows`,
    hint: () => 'A comparison needs rows to learn from and other rows to measure on: give both.',
  }),
  'comparison-classes-differ': worded<{
    folder: string;
    modelClasses: readonly string[];
    dataClasses: readonly string[];
  }>({
    says: ({ folder, modelClasses, dataClasses }) =>
      modelClasses.length === dataClasses.length
        ? `the model in ${folder} has the classes ${listed(modelClasses)}, but the data has ${listed(dataClasses)}`
        : `the model in ${folder} has ${modelClasses.length} classes, but the data has ${dataClasses.length}`,
    hint: () => 'Compare on the data that it was fine-tuned on.',
  }),
  'margin-out-of-range': worded<{ margin: FactNumber; least: number; usual: number }>({
    says: ({ margin, least }) => `the margin must be a number, at least ${least} and below 1; got ${margin}`,
    hint: ({ usual }) => `It is how much less weighted F1 a simpler model may reach, such as ${usual}.`,
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
      `result ${result} of hiddenStates has width ${width}, but another one has width ${expected}`,
    hint: () => 'It must return vectors of one width for all texts.',
  }),
  'hidden-states-length': worded<{ result: number; values: number; tokens: number; width: number }>({
    says: ({ result, values, tokens, width }) =>
      `result ${result} of hiddenStates has ${values} values for ${tokens} tokens of width ${width}`,
    hint: ({ tokens, width }) => `It must return [tokens, width] = ${tokens * width} values there.`,
  }),

  'comparison-file-syntax': worded<{ file: string; line: number; column: number; reason: string }>({
    says: ({ file, line, column, reason }) => `${file}:${line}:${column}: broken JSON: ${reason}`,
    hint: () => NOT_A_COMPARISON,
  }),
  'comparison-file-invalid': worded<{ file: string; field: string; problem: string }>({
    says: ({ file, field, problem }) => [file, field, problem].filter(Boolean).join(': '),
    hint: () => NOT_A_COMPARISON,
  }),
  'report-source-unreadable': worded<{ file: string; reason: string }>({
    says: ({ file, reason }) => `cannot read ${file}: ${reason}`,
    hint: () => 'It must be a regular file that you have permission to read.',
  }),
  'tensorboard-unwritable': worded<{ path: string; reason: string }>({
    says: ({ path, reason }) => `cannot write TensorBoard events to ${path}: ${reason}`,
    hint: (_, { argument }) =>
      'Check that you have permission to write there and that the disk has space, ' +
      `or choose another folder with ${argument('loggingDir')}.`,
  }),
};
