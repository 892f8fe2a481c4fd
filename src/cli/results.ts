/**
 * The one way to stdout. A command writes its results here, as lines or as the records of `--json`; the
 * command line flushes them before it chooses the exit status, so that a result that was not written is never
 * told as a success.
 *
 * A reader that has gone away (`attune … | head`) ends the output quietly, and not the run. Any other
 * failure, such as a full disk, ends the output too; the run goes on to its end, so that no training is lost
 * over it, and then `flush` throws.
 */
import { fstatSync, writeSync } from 'node:fs';
import { Writable } from 'node:stream';
import { isatty } from 'node:tty';
import { AttuneError } from '../errors/attune-error.js';
import { printableLines } from './layout.js';

export class ResultWriter {
  readonly #stream: Writable;
  readonly #isTerminal: boolean;
  #readerGone = false;
  #failure: Error | undefined;

  constructor(stream: Writable, isTerminal = false) {
    this.#stream = stream;
    this.#isTerminal = isTerminal;
    stream.on('error', (error: Error) => this.#fail(error));
  }

  /** Whether what is written still reaches somebody. */
  get open(): boolean {
    return !this.#readerGone && this.#failure === undefined;
  }

  /**
   * Writes text as it is, or to a terminal with its control characters as escapes.
   *
   * @returns false if the reader is slower than the writer: `await drain()` before the next
   */
  write(text: string): boolean {
    return !this.open || this.#stream.write(this.#isTerminal ? printableLines(text) : text);
  }

  /** Writes text and a line feed. Returns what `write` returns. */
  line(text: string): boolean {
    return this.write(`${text}\n`);
  }

  /**
   * Writes a record of `--json`: one JSON object a line, its `type` first; a `type` of the record's own is
   * not kept. Numbers that JSON cannot express (NaN, Infinity) become null. Returns what `write` returns.
   */
  record(type: string, record: object = {}): boolean {
    return this.line(JSON.stringify(Object.assign({ type }, record, { type })));
  }

  /** Resolves when the reader is ready for more, or the output has ended. */
  async drain(): Promise<void> {
    if (!this.open || !this.#stream.writableNeedDrain) return;
    await new Promise<void>((resolve) => {
      const events = ['drain', 'error', 'close'];
      const done = (): void => {
        for (const event of events) this.#stream.off(event, done);
        resolve();
      };
      for (const event of events) this.#stream.on(event, done);
    });
  }

  /**
   * Resolves when all that was written has been taken, or the reader has gone.
   *
   * @throws AttuneError `results-unwritable` if something could not be written
   */
  async flush(): Promise<void> {
    if (this.open) {
      await new Promise<void>((resolve) => {
        this.#stream.write('', (error) => {
          if (error) this.#fail(error);
          resolve();
        });
      });
    }
    if (!this.#failure) return;
    const { message: reason } = this.#failure;
    throw new AttuneError('results-unwritable', { reason }, { cause: this.#failure });
  }

  #fail(error: NodeJS.ErrnoException): void {
    if (error.code === 'EPIPE') this.#readerGone = true;
    else this.#failure ??= error;
  }
}

/**
 * A file or device by its descriptor. Node's own stream for them takes a write that was cut short, as the
 * last one on a full disk is, for a whole one.
 */
export class FileOutput extends Writable {
  readonly #descriptor: number;

  constructor(descriptor: number) {
    super();
    this.#descriptor = descriptor;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    try {
      for (let at = 0; at < chunk.length;) at += writeSync(this.#descriptor, chunk, at);
    } catch (error) {
      done(error as Error);
      return;
    }
    done();
  }
}

const STDOUT = 1;
let results: ResultWriter | undefined;

/** The writer of this process's stdout. */
export function standardResults(): ResultWriter {
  results ??= new ResultWriter(isFile(STDOUT) ? new FileOutput(STDOUT) : process.stdout, isatty(STDOUT));
  return results;
}

function isFile(descriptor: number): boolean {
  if (isatty(descriptor)) return false;
  try {
    const found = fstatSync(descriptor);
    return found.isFile() || found.isCharacterDevice() || found.isBlockDevice();
  } catch {
    // Some systems tell nothing of a pipe.
    return false;
  }
}
