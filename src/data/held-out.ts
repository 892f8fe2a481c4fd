/**
 * Which rows of a dataset a model does not learn from: those that choose its epoch (validation) and those
 * that it is tested on.
 */
import type { PartObstacle } from '../errors/phrases/obstacle.js';
import { Dataset } from './dataset.js';
import { testRows } from './stratified.js';

/** How rows are held out. What a loading reports parts the same rows again, given as options. */
export interface HeldOut {
  /** The split to evaluate on; default `test`, where the dataset has one. */
  readonly evalSplit?: string | undefined;
  /** Part this share (below 1) or this many rows of the training split off, stratified, to evaluate on. */
  readonly testSize?: number | undefined;
  /** The split to choose an epoch by; none by default. */
  readonly validationSplit?: string | undefined;
  /** Part this share (below 1) or this many of the training rows off, stratified, to choose an epoch by. */
  readonly validationSize?: number | undefined;
}

/** What share of the training rows to part off, stratified: below 1. */
export interface PlannedParts {
  /** Where the dataset has no test split and none is asked for. */
  readonly testSize?: number | undefined;
  /** Where it has no validation split and none is asked for; at most `MOST_VALIDATION_ROWS` are taken. */
  readonly validationSize?: number | undefined;
}

/** More rows tell epochs apart hardly better, and cost training rows. */
export const MOST_VALIDATION_ROWS = 500;
/** Of fewer rows, a part would be so small that it says nothing. */
const FEWEST_TO_PART = 20;

export interface PlannedSize {
  /** A share, or a number of rows; undefined where none is planned, or the rows cannot be parted by class. */
  readonly size?: number;
  /** Why they cannot. */
  readonly obstacle?: PartObstacle;
}

/** The size of a planned part. @param most rows that it may have */
export function plannedSize(
  { length, classLabels }: Dataset,
  share: number | undefined,
  most = Infinity,
): PlannedSize {
  if (share === undefined) return {};
  if (length < FEWEST_TO_PART) return { obstacle: { kind: 'too-few-rows', rows: length } };
  const classes = classLabels.filter(({ rows }) => rows > 0);
  const lonely = classes.find(({ rows }) => rows === 1);
  if (lonely) return { obstacle: { kind: 'class-of-one-row', name: lonely.name } };
  const size = share * length > most ? most : share;
  const part = testRows(length, size);
  return part < classes.length
    ? { obstacle: { kind: 'part-too-small', part, rows: length, classes: classes.length } }
    : { size };
}

/** All rows that may be learned from: a model that chooses nothing needs no rows to choose by. */
export function labelledRows({
  train,
  validation,
}: {
  readonly train: Dataset;
  readonly validation?: Dataset | undefined;
}): Dataset {
  return validation
    ? new Dataset(train.name, train.source, [...train.rows, ...validation.rows], train.labelNames)
    : train;
}
