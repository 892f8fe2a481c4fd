/** What ends a run or refuses it, and what is wrong with the answers of a trained model. */
import { classRange } from '../phrases/classes.js';
import type { FactNumber } from '../phrases/values.js';
import type { Shell } from '../shell.js';
import type { InnerError } from '../wording.js';
import { worded } from '../wording.js';

const withoutSeeds = (_: unknown, { argument }: Shell): string =>
  `Train it from the beginning, or compare it without ${argument('seeds')}.`;

/** When a run was given something else than before. */
const CHANGED = {
  earlier: (change: string) => `it was resumed with changes (${change})`,
  now: (change: string) => `it would be resumed with changes (${change})`,
  since: (change: string) => change,
} as const;

export const TRAIN_ERRORS = {
  'attribution-unavailable': worded<{ model: string }>({
    says: ({ model }) => `${model} cannot attribute its predictions to tokens`,
    hint: () => 'Use a fine-tuned GPT-2, which can.',
  }),
  'best-metric-unreported': worded<{ metric: string; step: number; reported: readonly string[] }>({
    says: ({ metric, step }, { argument }) =>
      `${argument('metricForBestModel')} is "${metric}", which the evaluation at step ${step} did not report`,
    hint: ({ reported }) => `Choose one that it reported: ${reported.join(', ')}.`,
  }),
  'classifier-not-loaded': worded<{ model: string; reason: string }>({
    says: ({ model, reason }) => `cannot load ${model}: ${reason}`,
    hint: () => 'Check that its files are complete and can be read, and that there is enough memory.',
  }),
  'device-without-graphs': worded<{ device: string }>({
    says: ({ device }) => `${device} cannot compute attributions and hidden states`,
    hint: (_, { given }) => `Use ${given('device', 'cpu')}.`,
  }),
  'evaluation-rows-missing': worded<Record<string, never>>({
    says: () => 'there are no evaluation rows',
    hint: () => 'Give the Trainer rows as `evaluation`, or measure others with `measure`.',
  }),
  'held-out-rows-none': worded<Record<string, never>>({
    says: () => 'the model was trained without rows to evaluate on',
    hint: (_, { argument }) => `Give labeled rows with ${argument('dataset')}.`,
  }),
  'held-out-rows-unknown': worded<Record<string, never>>({
    says: (_, { argument }) => `${argument('dataset')} is missing`,
    hint: () => 'Give labeled rows: which ones were held out when the model was trained is not known.',
  }),
  'labeled-rows-class': worded<{ name: string; row: number; label: FactNumber; classes: number }>({
    says: ({ name, row, label, classes }) =>
      `${name}: row ${row} has the label ${label}; ${classRange(classes)}`,
    hint: () => 'Labels are indices of the names of the classes, from 0.',
  }),
  'labeled-rows-empty': worded<{ name: string }>({
    says: ({ name }) => `${name}: there are no rows`,
    hint: () => 'Give at least one row with its label.',
  }),
  'labeled-rows-length': worded<{ name: string; labels: number; rows: number }>({
    says: ({ name, labels, rows }) => `${name}: labels has length ${labels}, but rows has length ${rows}`,
    hint: () => 'Give one label per row, in the order of the rows.',
  }),
  'logits-unavailable': worded<{ model: string }>({
    says: ({ model }) => `${model} has no logits`,
    hint: () => 'Its probabilities are the scores.',
  }),
  'model-answer-class': worded<{ model: string; label: FactNumber; classes: number }>({
    says: ({ model, label, classes }) => `${model} returned the label ${label}; ${classRange(classes)}`,
    hint: () => 'Its `classify` must return indices of its `labels`.',
  }),
  'model-answer-count': worded<{
    model: string;
    what: 'label' | 'attribution';
    given: number;
    texts: number;
  }>({
    says: ({ model, what, given, texts }) => `${model} returned ${given} ${what}s for ${texts} texts`,
    hint: ({ what }) =>
      what === 'label'
        ? 'Its `classify` must return one label per text.'
        : 'Its `attribute` must return one list per text.',
  }),
  'model-answer-size': worded<{
    model: string;
    what: 'probabilities' | 'logits';
    given: number;
    texts: number;
    classes: number;
  }>({
    says: ({ model, what, given, texts, classes }) =>
      `${model} returned ${given} ${what} for ${texts} texts and ${classes} classes`,
    hint: ({ what }) => `Its \`classify\` must return ${what} as [texts, classes].`,
  }),
  'run-interrupted': worded<{
    during: 'training' | 'evaluation';
    step: number;
    totalSteps: number;
    checkpoint: string;
  }>({
    says: ({ during, step, totalSteps, checkpoint }) =>
      `interrupted${during === 'evaluation' ? ' during the evaluation' : ''} ` +
      `after step ${step} of ${totalSteps}; ${checkpoint} is saved`,
    hint: (_, { given }) =>
      `Resume with ${given('resumeFromCheckpoint', true)} and everything else as before.`,
  }),
  'run-interrupted-at-start': worded<{ step: number; totalSteps: number }>({
    says: ({ step, totalSteps }) =>
      `interrupted before step ${step} of ${totalSteps}; nothing was computed, and nothing is saved`,
    hint: () => 'Start the run again in the same way.',
  }),
  'run-origin-unknown': worded<{ run: string; error: InnerError }>({
    says: ({ run, error }, { sentence }) => `how ${run} was trained is not known: ${sentence(error)}`,
    hint: () => 'Only a run in the output folder that attune trained into can be repeated under other seeds.',
  }),
  'seed-folder-taken': worded<{ folder: string; run: string; seed: number; change: string | undefined }>({
    says: ({ folder, run, seed, change }) =>
      `${folder} holds a run other than ${run} under seed ${seed}: ` +
      (change ?? 'it was resumed from a checkpoint of another run'),
    hint: (_, { given }) => `Replace it with ${given('overwriteOutputDir', true)}, or move it away.`,
  }),
  'seeds-after-change': worded<{ run: string; change: string; when: keyof typeof CHANGED }>({
    says: ({ run, change, when }) => `${run} cannot be repeated under other seeds: ${CHANGED[when](change)}`,
    hint: withoutSeeds,
  }),
  'seeds-from-checkpoint': worded<{ checkpoint: string }>({
    says: ({ checkpoint }) => `a run that is resumed from ${checkpoint} cannot be repeated under other seeds`,
    hint: withoutSeeds,
  }),
  'seeds-of-another-model': worded<{ run: string; model: string }>({
    says: ({ run, model }) =>
      `${run} cannot be repeated under other seeds: ${model} is no longer the model that it began with`,
    hint: withoutSeeds,
  }),
  'seeds-of-another-start': worded<{ run: string }>({
    says: ({ run }) =>
      `${run} cannot be repeated under other seeds: it was resumed from a checkpoint of another run`,
    hint: withoutSeeds,
  }),
  /** Values as text: JSON has no NaN. */
  'training-diverged': worded<{
    step: number;
    what: 'loss' | 'gradient';
    values: readonly string[];
    checkpoint: string | undefined;
  }>({
    says: ({ step, what, values }) =>
      `step ${step}: ${what === 'loss' ? 'the loss' : 'the gradient’s norm'} is ${values.join(', ')}; ` +
      'training stopped',
    hint: ({ checkpoint }) =>
      (checkpoint === undefined ? '' : `The last good checkpoint is ${checkpoint}. `) +
      'Try a smaller learning rate or more warmup steps.',
  }),
  'training-rows-unknown': worded<Record<string, never>>({
    says: (_, { argument }) => `${argument('dataset')} is missing`,
    hint: () => 'Give the rows that the model was trained on: its folder has no record of them.',
  }),
  /** The value as text: JSON has no NaN. */
  'values-not-finite': worded<{ output: string | undefined; value: string }>({
    says: ({ output, value }) =>
      `the model’s ${output === undefined ? 'logits' : `values (${output})`} are not finite (${value}): ` +
      'its weights overflow, so it predicts nothing',
    hint: () => 'Use an earlier checkpoint, or train again with a smaller learning rate.',
  }),
};
