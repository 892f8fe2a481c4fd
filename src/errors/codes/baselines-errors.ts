/** What is wrong with classical models: their options, their input, and what ends a fit. */
import { classRange } from '../phrases/classes.js';
import type { FactNumber } from '../phrases/values.js';
import { worded } from '../wording.js';

export const BASELINES_ERRORS = {
  'estimator-not-fitted': worded<{ estimator: string }>({
    says: ({ estimator }) => `this ${estimator} is not fitted`,
    hint: () => 'Call fit first.',
  }),
  'estimator-option-not-positive': worded<{ option: string; given: FactNumber }>({
    says: ({ option, given }) => `${option} must be a number above 0; got ${given}`,
    hint: ({ option }) => `Set ${option} to a finite number above 0, or leave it out.`,
  }),
  'estimator-option-not-whole': worded<{ option: string; given: FactNumber; min: number | undefined }>({
    says: ({ option, given, min }) =>
      `${option} must be a whole number${min === undefined ? '' : `, at least ${min}`}; got ${given}`,
    hint: ({ option, min }) =>
      `Set ${option} to a whole number${min === undefined ? '' : `, at least ${min}`}, or leave it out.`,
  }),

  'matrix-size': worded<{ numbers: number; rows: number; columns: number }>({
    says: ({ numbers, rows, columns }) =>
      `${numbers} numbers do not make a matrix of ${rows} rows and ${columns} columns`,
    hint: () => 'Give rows × columns numbers, one row after the other.',
  }),
  'sparse-matrix-lengths': worded<{ rows: number; offsets: number; indices: number; values: number }>({
    says: ({ rows, offsets, indices, values }) =>
      `the sparse matrix of ${rows} rows is malformed: ` +
      `${offsets} offsets, ${indices} indices, ${values} values`,
    hint: () =>
      'Give one offset more than there are rows, from 0 to the number of values, and an index for each value.',
  }),
  'sparse-offsets-descend': worded<{ row: number }>({
    says: ({ row }) => `row ${row} of the sparse matrix ends before it begins`,
    hint: () => 'Offsets must not decrease from one row to the next.',
  }),
  'sparse-columns-disordered': worded<{ row: number; column: number; columns: number }>({
    says: ({ row, column }) =>
      `row ${row} of the sparse matrix: column ${column} is out of order or out of range`,
    hint: ({ columns }) => `Give the columns of a row in ascending order, each from 0 to ${columns - 1}.`,
  }),
  'feature-not-finite': worded<{ row: number; column: number; found: string }>({
    says: ({ row, column, found }) =>
      `the feature in row ${row}, column ${column} is ${found}; features must be finite numbers`,
    hint: () => 'Replace it, or leave its row or column out; both are counted from 0.',
  }),
  'feature-exceeds-float32': worded<{ row: number; column: number }>({
    says: ({ row, column }) => `the feature in row ${row}, column ${column} is too large for float32`,
    hint: () => 'Scale the features (StandardScaler); rows and columns are counted from 0.',
  }),
  'feature-count-differs': worded<{ found: number; expected: number }>({
    says: ({ found, expected }) =>
      `the rows have ${found} features, but the model was fitted with ${expected}`,
    hint: () => 'Compute the features as for the rows that the model was fitted on.',
  }),
  'features-variance-overflow': worded<Record<string, never>>({
    says: () => 'the features are too large for their variance to be computed',
    hint: () => 'Scale the features (StandardScaler).',
  }),
  'features-memory-unavailable': worded<{ bytes: number }>({
    says: ({ bytes }) =>
      `${(bytes / 2 ** 20).toFixed(0)} MiB of memory could not be reserved for the features`,
    hint: () => 'Use fewer rows or features.',
  }),
  'scaler-takes-dense-only': worded<Record<string, never>>({
    says: () => 'StandardScaler takes dense features only: subtracting the means would fill a sparse matrix',
    hint: () => 'Give it a dense matrix, or leave the scaler out.',
  }),
  'tfidf-without-words': worded<Record<string, never>>({
    says: () => 'the texts hold no words to learn from',
    hint: () => 'TF-IDF counts words of two characters or more; these texts have none.',
  }),

  'pipeline-without-classifier': worded<Record<string, never>>({
    says: () => 'the last step of a pipeline must be a classifier',
    hint: () => 'Give makePipeline a classifier as its last argument, such as a LogisticRegression.',
  }),
  'fit-without-rows': worded<Record<string, never>>({
    says: () => 'there are no rows to learn from',
    hint: () => 'Give fit at least one row.',
  }),
  'fit-without-features': worded<Record<string, never>>({
    says: () => 'there are no features to learn from',
    hint: () => 'Give fit rows of at least one feature.',
  }),
  'fit-class-count': worded<{ given: FactNumber }>({
    says: ({ given }) => `the number of classes must be a whole number, at least 1; got ${given}`,
    hint: () => 'Give the number of all classes, those without rows included.',
  }),
  'fit-label-count': worded<{ of: 'features' | 'texts'; rows: number; labels: number }>({
    says: ({ of, rows, labels }) =>
      `there are ${rows} ${of === 'texts' ? 'texts' : 'rows of features'}, but ${labels} labels`,
    hint: ({ of }) => `Give one label per ${of === 'texts' ? 'text' : 'row'}, in the same order.`,
  }),
  'fit-label-out-of-range': worded<{ row: number; label: number; classes: number }>({
    says: ({ row, label, classes }) => `row ${row} has the label ${label}; ${classRange(classes)}`,
    hint: () => 'Correct the label, or fit with more classes; rows are counted from 0.',
  }),
  'fit-not-converged': worded<{ iterations: number; gradient: FactNumber }>({
    says: ({ iterations, gradient }) =>
      `the fit did not converge within ${iterations} iterations ` +
      `(largest gradient ${Number(gradient).toExponential(1)})`,
    hint: () => 'Scale the features (StandardScaler), or allow more iterations.',
  }),
  'svc-not-converged': worded<Record<string, never>>({
    says: () => 'the support vector machine did not converge',
    hint: () => 'Scale the features (StandardScaler), or lower C.',
  }),
  'forest-rows-limit': worded<{ rows: number; limit: number }>({
    says: ({ rows, limit }) => `a forest takes fewer than ${limit} rows, not ${rows}`,
    hint: () => 'Fit it on a sample of the rows.',
  }),
  'forest-classes-limit': worded<{ classes: number; limit: number }>({
    says: ({ classes, limit }) => `a forest takes at most ${limit} classes, not ${classes}`,
    hint: () => 'Merge classes, or use a LogisticRegression.',
  }),

  'estimator-thread-died': worded<{ work: string; reason: string }>({
    says: ({ work, reason }) => `a thread of the ${work} died: ${reason}`,
    hint: () => 'If memory ran out, use fewer threads or fewer rows.',
  }),
  'estimator-thread-ended': worded<{ work: string; exitCode: number }>({
    says: ({ work, exitCode }) => `a thread of the ${work} ended (exit ${exitCode}) with work under way`,
    hint: () => 'Try again; if this happens again, use fewer threads or fewer rows.',
  }),
  'estimator-thread-unreadable': worded<{ work: string; reason: string }>({
    says: ({ work, reason }) => `a thread of the ${work} sent a message that cannot be read: ${reason}`,
    hint: () => 'If memory ran out, use fewer threads or fewer rows.',
  }),
  'estimator-thread-confused': worded<{ work: string; task: number }>({
    says: ({ work, task }) => `a thread of the ${work} answered task ${task}, which it was not given`,
    hint: () => 'This is a defect of attune: please report it.',
  }),
  'estimator-result-unsendable': worded<{ task: number; reason: string }>({
    says: ({ task, reason }) => `the result of task ${task} cannot be sent: ${reason}`,
    hint: () => 'If memory ran out, use fewer threads or fewer rows.',
  }),
};
