/**
 * The records of `--json`: one JSON object a line on stdout, each with its `type` first. A reader that has gone away (`attune … --json | head`)
 * ends the output quietly and not the run.
 */
import type { Writable } from 'node:stream';

export class JsonWriter {
  readonly #stream: Writable;
  #open = true;
  #failure: Error | undefined;

  constructor(stream: Writable = process.stdout) {
    this.#stream = stream;
    stream.on('error', (error: NodeJS.ErrnoException) => {
      this.#open = false;
      if (error.code !== 'EPIPE') this.#failure = error;
    });
  }

  /** Whether anybody still reads. */
  get open(): boolean {
    return this.#open;
  }

  /**
   * Writes one object; a `type` of the record's own is not kept. Numbers that JSON cannot say (NaN, Infinity) become null.
   *
   * @returns false where the reader is slower than the writer: `await flush()` before the next
   * @throws the stream's error, where one came other than a closed pipe
   */
  write(type: string, record: object = {}): boolean {
    if (this.#failure) throw this.#failure;
    if (!this.#open) return true;
    return this.#stream.write(`${JSON.stringify(Object.assign({ type }, record, { type }))}\n`);
  }

  /** Resolves when all that was written has been taken, or the reader has gone. */
  async flush(): Promise<void> {
    if (this.#open && this.#stream.writableNeedDrain) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          for (const event of ['drain', 'error', 'close']) this.#stream.off(event, done);
          resolve();
        };
        for (const event of ['drain', 'error', 'close']) this.#stream.on(event, done);
      });
    }
    if (this.#failure) throw this.#failure;
  }
}
