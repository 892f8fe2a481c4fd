/**
 * Where a dataset's files lie: a folder on this machine, or a repository of the Hub. Which of them are the training split is decided by names and by
 * the card's metadata alike, so the code that decides knows nothing but this.
 */
export interface DataRepository {
  /** As the user named it, for messages: a folder, or `owner/name@revision`. */
  readonly name: string;
  /** Paths of all files, relative, with `/`, in order of their names. */
  list(): Promise<readonly string[]>;
  /**
   * The file on this machine; downloads it where it is not here yet.
   *
   * @throws DataError, or HubError from the Hub, where it cannot be had
   */
  fetch(path: string): Promise<string>;
  /** The parquet files that the Hub made of a dataset, `config/split/0000.parquet`; undefined where it made none. */
  converted?(): Promise<DataRepository | undefined>;
}
