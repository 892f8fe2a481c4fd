import { Writable } from 'node:stream';

/**
 * A terminal's stream and what its screen shows, without a limit on rows: text, carriage return, line feed,
 * moving to a column and erasing. Any other control sequence is an error, because it would move the cursor
 * where a live line cannot know.
 */
export class Screen extends Writable {
  readonly isTTY: boolean;
  columns: number;
  /** Everything written. */
  raw = '';
  readonly #rows: string[] = [''];
  #row = 0;
  #column = 0;

  constructor({ isTTY = true, columns = 100 }: { isTTY?: boolean; columns?: number } = {}) {
    super({ decodeStrings: false });
    this.isTTY = isTTY;
    this.columns = columns;
  }

  /** The rows shown, without trailing spaces and without the last row where it is empty. */
  get lines(): string[] {
    const lines = this.#rows.map((row) => row.trimEnd());
    return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
  }

  override _write(chunk: string, _encoding: BufferEncoding, done: () => void): void {
    this.raw += chunk;

    for (const [part] of chunk.matchAll(/\u001b\[[0-9;?]*[A-Za-z]|\u001b.|[\s\S]/gu)) this.#put(part);
    done();
  }

  #put(part: string): void {
    const row = this.#rows[this.#row];
    if (part === '\r' || part === '\u001b[1G') this.#column = 0;
    else if (part === '\n') {
      this.#row++;
      this.#column = 0;
      this.#rows[this.#row] ??= '';
    } else if (part === '\u001b[2K') this.#rows[this.#row] = '';
    else if (part === '\u001b[0K') this.#rows[this.#row] = row.slice(0, this.#column);
    else if (/^\u001b\[\d+m$/.test(part)) return;
    else if (part.startsWith('\u001b')) throw new Error(`control sequence ${JSON.stringify(part)}`);
    else {
      this.#rows[this.#row] =
        row.slice(0, this.#column).padEnd(this.#column) + part + row.slice(this.#column + part.length);
      this.#column += part.length;
    }
  }
}
