/** What is wrong with a checkpoint, and what keeps a run from resuming from one. */
import type { FactNumber } from '../phrases/values.js';
import { worded } from '../wording.js';

const FROM_ANOTHER = 'Resume from another checkpoint.';
const STATE_DAMAGED = 'The checkpoint is damaged; resume from another one.';
const OF_THE_SAME_MODEL =
  'Resume from a checkpoint of the same model, trained with AdamW by transformers’ Trainer.';

const COMPARED = {
  rows: 'training rows',
  seed: 'seed',
  perDeviceTrainBatchSize: 'batch size',
  gradientAccumulationSteps: 'gradient accumulation',
} as const;

/** A tensor of AdamW's state in optimizer.pt: of the parameter at a place of the optimizer. */
type Moment = { file: string; tensor: string; index: number; parameter: string };
const moment = ({ file, tensor, index, parameter }: Moment): string =>
  `${file}: ${tensor} of parameter ${index} (${parameter})`;

export const CHECKPOINT_ERRORS = {
  /** `value`: NaN or Infinity. */
  'parameter-not-finite': worded<{ parameter: string; value: string }>({
    says: ({ parameter, value }) => `parameter ${parameter} has become ${value}: this model is not saved`,
    hint: (_, { argument }) => `Resume from the last checkpoint with a smaller ${argument('learningRate')}.`,
  }),
  'checkpoint-file-unreadable': worded<{ file: string; reason: string }>({
    says: ({ file, reason }) => `cannot read ${file}: ${reason}`,
    hint: () => 'Check the disk and the permissions of the file; the checkpoint itself may be undamaged.',
  }),
  'checkpoint-file-missing': worded<{ file: string }>({
    says: ({ file }) => `${file} is damaged: it is missing`,
    hint: () => FROM_ANOTHER,
  }),
  'checkpoint-file-size': worded<{ file: string; found: number; expected: number }>({
    says: ({ file, found, expected }) =>
      `${file} is damaged: it has ${found} bytes, not the ${expected} that were written`,
    hint: () => FROM_ANOTHER,
  }),
  'checkpoint-file-changed': worded<{ file: string }>({
    says: ({ file }) => `${file} is damaged: its contents are not those that were written (SHA-256)`,
    hint: () => FROM_ANOTHER,
  }),
  'checksums-not-json': worded<{ file: string }>({
    says: ({ file }) => `${file} is damaged: it is not JSON`,
    hint: () => FROM_ANOTHER,
  }),
  'checksums-malformed': worded<{ file: string }>({
    says: ({ file }) => `${file} is damaged: it is not a list of checksums`,
    hint: () => FROM_ANOTHER,
  }),
  'checksums-incomplete': worded<{ file: string; missing: string }>({
    says: ({ file, missing }) => `${file} is damaged: it does not list ${missing}`,
    hint: () => FROM_ANOTHER,
  }),
  /** A file that every checkpoint has; the reason is the error's cause. */
  'checkpoint-unreadable': worded<{ file: string }>({
    says: ({ file }) => `cannot read ${file}`,
    hint: () =>
      'A checkpoint to resume from is a folder named checkpoint-STEP ' +
      'that attune or the Trainer of transformers wrote.',
  }),
  'resume-state-damaged': worded<{ file: string }>({
    says: ({ file }) => `${file} is damaged`,
    hint: () => FROM_ANOTHER,
  }),
  'trainer-state-not-json': worded<{ file: string; line: number; column: number; reason: string }>({
    says: ({ file, line, column, reason }) => `${file}:${line}:${column}: broken JSON: ${reason}`,
    hint: () => STATE_DAMAGED,
  }),
  'trainer-state-not-object': worded<{ file: string }>({
    says: ({ file }) => `${file}: not a JSON object`,
    hint: () => STATE_DAMAGED,
  }),
  'trainer-state-field': worded<{ file: string; field: string; expected: string }>({
    says: ({ file, field, expected }) => `${file}: "${field}" must be ${expected}`,
    hint: () => STATE_DAMAGED,
  }),
  'checkpoint-tensor-size': worded<{
    file: string;
    tensor: string;
    numbers: number;
    shape: readonly number[];
  }>({
    says: ({ file, tensor, numbers, shape }) =>
      `${file}: tensor ${tensor} has ${numbers} numbers, but the model’s has shape [${shape.join(', ')}]`,
    hint: () => 'Resume from a checkpoint of the same model.',
  }),
  'torch-optimizer-foreign': worded<{ file: string }>({
    says: ({ file }) => `${file}: it does not hold an optimizer’s state`,
    hint: () => OF_THE_SAME_MODEL,
  }),
  'torch-optimizer-parameters': worded<{ file: string; found: number; expected: number }>({
    says: ({ file, found, expected }) =>
      `${file}: it has the state of ${found} parameters, but the model has ${expected}`,
    hint: () => OF_THE_SAME_MODEL,
  }),
  'torch-optimizer-tensor-missing': worded<Moment>({
    says: (facts) => `${moment(facts)} is missing: only AdamW’s state can be restored`,
    hint: () => OF_THE_SAME_MODEL,
  }),
  'torch-optimizer-tensor-shape': worded<Moment & { found: readonly number[]; expected: readonly number[] }>({
    says: ({ found, expected, ...facts }) =>
      `${moment(facts)} has shape [${found.join(', ')}], but the model’s has [${expected.join(', ')}]`,
    hint: () => OF_THE_SAME_MODEL,
  }),
  'torch-optimizer-tensor-not-finite': worded<Moment>({
    says: (facts) => `${moment(facts)} is not finite`,
    hint: () => OF_THE_SAME_MODEL,
  }),
  /** `others`: how often the parameters before it were updated. */
  'torch-optimizer-updates': worded<{
    file: string;
    index: number;
    parameter: string;
    updates: FactNumber;
    others?: number | undefined;
  }>({
    says: ({ file, index, parameter, updates, others }) => {
      const rest = others === undefined ? '' : `, the others ${others} times`;
      return `${file}: parameter ${index} (${parameter}) was updated ${updates} times${rest}`;
    },
    hint: () => OF_THE_SAME_MODEL,
  }),
  /** `field`: `rows` or the name of an argument. */
  'checkpoint-of-other-run': worded<{ dir: string; field: keyof typeof COMPARED; then: number; now: number }>(
    {
      says: ({ dir, field, then, now }) =>
        `${dir} belongs to a run with ${COMPARED[field]} ${then}; this one has ${now}`,
      hint: () => 'Resume with the arguments and data of the run that saved it.',
    },
  ),
  'checkpoint-is-run-folder': worded<{ dir: string; newest?: string | undefined }>({
    says: ({ dir }) => `${dir} is the folder of a run, not one of its checkpoints`,
    hint: ({ newest }) =>
      newest === undefined ? 'It holds no checkpoint to resume from.' : `Give ${newest}.`,
  }),
  'checkpoint-not-found': worded<{ dir: string }>({
    says: ({ dir }) => `there is no checkpoint in ${dir} to resume from`,
    hint: (_, { argument }) =>
      `Start the run without ${argument('resumeFromCheckpoint')}, or give the folder of a checkpoint.`,
  }),
  'checkpoints-all-damaged': worded<{
    dir: string;
    damaged: readonly { name: string; reason: string }[];
  }>({
    says: ({ dir, damaged }) => {
      const reasons = damaged.map(({ name, reason }) => `${name}: ${reason}`).join('; ');
      return `there is no undamaged checkpoint in ${dir} to resume from (${reasons})`;
    },
    hint: (_, { argument, given }) =>
      `Start the run without ${argument('resumeFromCheckpoint')} and with ` +
      `${given('overwriteOutputDir', true)}, or give the folder of a checkpoint.`,
  }),
  /** `rows`: `training`, `evaluation` or `test`. */
  'resume-data-changed': worded<{ checkpoint: string; rows: string }>({
    says: ({ checkpoint, rows }) =>
      `the ${rows} rows are not those of the run that saved ${checkpoint} ` +
      '(texts, labels, classes or their order differ)',
    hint: (_, { given }) =>
      `Resume with the data of that run, start a new run, or set ${given('allowChangedData', true)}.`,
  }),
};
