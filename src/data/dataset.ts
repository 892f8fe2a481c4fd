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

/** The rows of one split. Its parts are what Hugging Face's datasets calls them. */
export class Dataset {
  constructor(
    /** `train` or `test`. */
    readonly name: string,
    /** Where the rows came from: a file, or words for people. */
    readonly source: string,
    readonly rows: readonly Row[],
    /** [K] the name of each class; `LABEL_i` where nothing names class i. */
    readonly labelNames: readonly string[],
  ) {}

  get length(): number {
    return this.rows.length;
  }

  /** The first `n` rows; all of them where there are fewer. */
  select(n: number): Dataset {
    return n >= this.rows.length ? this : new Dataset(this.name, this.source, this.rows.slice(0, n), this.labelNames);
  }
}
