import { DataError } from '../errors/attune-error.js';
import { plain } from '../errors/phrases/values.js';
import { atOnce } from '../pace.js';
import type { Pieces } from '../pace.js';
import { NumpyGenerator } from '../random/numpy-generator.js';
import { isClass } from './classes.js';
import { partByClass, partRandomly, testRows } from './stratified.js';

/** One labelled text. */
export interface Row {
  readonly text: string;
  /** Class index, 0 to K - 1. */
  readonly label: number;
  /** The class's name, where the data or the caller names it. */
  readonly labelText?: string;
  /** The data's own id of the row, where it has an `id` field. */
  readonly id?: string;
}

export interface TrainTestSplitOptions {
  /** A share of the rows, above 0 and below 1, rounded up; or a number of rows. */
  readonly testSize: number;
  /** From 0 up. Default 42. */
  readonly seed?: number | undefined;
  /** Whether each class is in both parts by its share. Default false, as in datasets. */
  readonly stratified?: boolean | undefined;
}

export interface TrainTestSplit {
  readonly train: Dataset;
  readonly test: Dataset;
}

/**
 * The rows of one split, unchangeable: every method gives a new one. Its parts are what Hugging Face's
 * datasets calls them.
 */
export class Dataset implements Iterable<Row> {
  /** @throws DataError `row-text-invalid`, `row-label-invalid` */
  constructor(
    /** `train`, `test`, or as the data calls it. */
    readonly name: string,
    /** Where the rows came from: a file, or words for people. */
    readonly source: string,
    readonly rows: readonly Row[],
    /** [K] the name of each class; `LABEL_i` where nothing names class i. */
    readonly labelNames: readonly string[],
  ) {
    requireRows(rows, labelNames.length, source);
  }

  get length(): number {
    return this.rows.length;
  }

  /** [K] each class with its rows; a class may have none. */
  get classLabels(): readonly { readonly label: number; readonly name: string; readonly rows: number }[] {
    const counts = this.labelNames.map(() => 0);
    for (const { label } of this.rows) counts[label]++;
    return this.labelNames.map((name, label) => ({ label, name, rows: counts[label] }));
  }

  [Symbol.iterator](): Iterator<Row> {
    return this.rows[Symbol.iterator]();
  }

  /**
   * The rows in groups of `size`; the last may be smaller. @throws RangeError for a size that is no whole
   * number from 1 up
   */
  *batches(size: number): Generator<readonly Row[]> {
    if (!Number.isSafeInteger(size) || size < 1)
      throw new RangeError(`a batch must be a whole number of rows from 1 up, not ${size}`);
    for (let at = 0; at < this.rows.length; at += size) yield this.rows.slice(at, at + size);
  }

  /**
   * The first `n` rows, all of them where there are fewer; or the rows with these numbers, from 0, in this
   * order.
   *
   * @throws RangeError for a number that is not of a row, or below 0
   */
  select(which: number | Iterable<number>): Dataset {
    if (typeof which === 'number') {
      if (!(which >= 0)) throw new RangeError(`select takes a number of rows from 0 up, not ${which}`);
      return which >= this.rows.length ? this : this.#with(this.rows.slice(0, which));
    }
    return this.#with(
      Array.from(which, (index) => {
        const row = this.rows[index] as Row | undefined;
        if (row === undefined)
          throw new RangeError(`row ${index} is not one of the ${this.rows.length} rows, which count from 0`);
        return row;
      }),
    );
  }

  /**
   * In the order that `datasets` shuffles to with the same seed: numpy's
   * `default_rng(seed).permutation(length)`.
   *
   * @throws RangeError for a seed that is no whole number from 0 to 2^53 - 1
   */
  shuffle(seed = 42): Dataset {
    return this.select(new NumpyGenerator(seed).permutation(this.rows.length));
  }

  filter(keep: (row: Row, index: number) => boolean): Dataset {
    return this.#with(this.rows.filter(keep));
  }

  /**
   * Each row changed by `change`, which gives the fields that become different. The classes stay.
   *
   * @throws DataError `row-text-invalid`, `row-label-invalid`
   */
  map(change: (row: Row, index: number) => Partial<Row>): Dataset {
    return this.#with(
      this.rows.map((row, i) => {
        const changed = change(row, i);
        const made = { ...row, ...changed };
        if (typeof made.text !== 'string')
          throw wrongText({ source: this.source, row: i, mapped: true }, made.text);
        if (!isClass(made.label, this.labelNames.length))
          throw wrongLabel({ source: this.source, row: i, mapped: true }, made.label, this.labelNames.length);
        return made.label === row.label || changed.labelText !== undefined || row.labelText === undefined
          ? made
          : { ...made, labelText: this.labelNames[made.label] };
      }),
    );
  }

  /**
   * Parts the rows into two splits, shuffled; the same rows that `datasets` takes with the same size and
   * seed.
   *
   * @throws UsageError `part-size-invalid`, `part-takes-all-rows`; if stratified, also `part-class-too-small`
   *   and `part-too-small`
   */
  trainTestSplit(options: TrainTestSplitOptions): TrainTestSplit {
    return atOnce(this.splitting(options));
  }

  /** `trainTestSplit` in pieces. */
  *splitting({ testSize, seed = 42, stratified = false }: TrainTestSplitOptions): Pieces<TrainTestSplit> {
    const count = testRows(this.rows.length, testSize);
    const labels = this.rows.map(({ label }) => label);
    const parting = yield* stratified
      ? partByClass(labels, count, seed)
      : partRandomly(this.rows.length, count, seed);
    const train = this.select(parting.train).named('train');
    yield;
    return { train, test: this.select(parting.test).named('test') };
  }

  /** The same rows under another name of the split. */
  named(name: string): Dataset {
    return new Dataset(name, this.source, this.rows, this.labelNames);
  }

  #with(rows: readonly Row[]): Dataset {
    return new Dataset(this.name, this.source, rows, this.labelNames);
  }
}

function requireRows(rows: readonly Row[], classes: number, source: string): void {
  for (let i = 0; i < rows.length; i++) {
    const { text, label } = rows[i];
    if (typeof text !== 'string') throw wrongText({ source, row: i, mapped: false }, text);
    if (!isClass(label, classes)) throw wrongLabel({ source, row: i, mapped: false }, label, classes);
  }
}

interface RowInDataset {
  readonly source: string;
  readonly row: number;
  /** Whether `map` made it. */
  readonly mapped: boolean;
}

const wrongText = (row: RowInDataset, text: unknown): DataError =>
  new DataError('row-text-invalid', { ...row, type: typeof text });

const wrongLabel = (row: RowInDataset, label: unknown, classes: number): DataError =>
  new DataError('row-label-invalid', { ...row, label: plain(label), classes });
