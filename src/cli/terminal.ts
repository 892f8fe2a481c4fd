/**
 * What a person reads goes to stderr through a Terminal, so that stdout stays free for data. It knows the
 * width and whether colours are wanted, it lets a live line (a progress bar) give way to what is printed, and
 * it shows control characters of labels, texts and names as escapes: only the codes of its own styles reach
 * the screen.
 */
import type { Writable } from 'node:stream';
import picocolors from 'picocolors';
import { AttuneError } from '../errors/attune-error.js';
import type { Notice } from '../errors/notices.js';
import { noticeSentence } from '../errors/notices.js';
import { errorHint, errorSentence } from '../errors/shell.js';
import type { Bin, Column } from './layout.js';
import { displayWidth, histogramLines, pad, printable, printableLines, tableLines, wrap } from './layout.js';
import { COMMAND_LINE } from './shell.js';

type Colors = ReturnType<typeof picocolors.createColors>;
type Style = 'bold' | 'dim' | 'yellow';

/** stderr, or a stand-in for it. */
export interface TerminalStream extends Writable {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface TerminalOptions {
  readonly stream: TerminalStream;
  /** NO_COLOR (any value but empty) and TERM=dumb turn colours and live lines off. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A line that is redrawn in place, below everything printed. */
export interface LiveLine {
  /** Takes the line off the screen. */
  hide(): void;
  /** Draws it again, below what was printed since. */
  show(): void;
}

/** Text is readable to this width, however wide the window is. */
const WIDEST_TEXT = 100;
/** Where there is no window. */
const DEFAULT_WIDTH = 100;

export class Terminal {
  readonly stream: TerminalStream;
  /** Whether lines can be redrawn in place. */
  readonly live: boolean;
  /** Functions that colour a text, or leave it as it is. */
  readonly #colors: Colors;
  #liveLine: LiveLine | undefined;

  constructor({ stream, env }: TerminalOptions) {
    this.stream = stream;
    const plain = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
    this.live = stream.isTTY === true && !plain;
    this.#colors = picocolors.createColors(this.live);
    // What people read is no result: a run goes on where it cannot be written (2>&1 | head, a full disk, a
    // terminal that was closed), and nobody is left to tell.
    stream.on('error', () => undefined);
  }

  /** Columns of the window now. */
  get width(): number {
    return this.stream.columns !== undefined && this.stream.columns > 0 ? this.stream.columns : DEFAULT_WIDTH;
  }

  /** Prints text and a line feed, above the live line. */
  print(text = '', style?: Style): void {
    const safe = printableLines(text);
    this.#write(style ? this.#colors[style](safe) : safe);
  }

  /** Makes a line the one that gives way to what is printed; undefined: none. */
  setLiveLine(line: LiveLine | undefined): void {
    this.#liveLine = line;
  }

  /** An empty line and a title. */
  heading(text: string): void {
    this.#write(`\n${this.#colors.bold(printable(text))}`);
  }

  /** Text in lines no wider than the window. */
  paragraph(text: string, indent = 0): void {
    const lines = wrap(printableLines(text), Math.min(this.width, WIDEST_TEXT) - indent);
    this.#write(lines.map((line) => (line === '' ? '' : ' '.repeat(indent) + line)).join('\n'));
  }

  table(columns: readonly Column[], rows: readonly (readonly string[])[], indent = 0): void {
    const safe = columns.map((column) => ({ ...column, title: printable(column.title) }));
    const [titles, ...lines] = tableLines(
      safe,
      rows.map((row) => row.map(printable)),
      this.width - indent,
    );
    this.#write([this.#colors.dim(titles), ...lines].map((line) => ' '.repeat(indent) + line).join('\n'));
  }

  /** Names and values below each other; long values go on below their beginning. */
  keyValue(pairs: readonly (readonly [key: string, value: string])[], indent = 0): void {
    if (pairs.length === 0) return;
    const keyWidth = Math.max(...pairs.map(([key]) => displayWidth(printable(key))));
    const margin = indent + keyWidth + 2;
    const lines = pairs.flatMap(([key, value]) => {
      const name = this.#colors.dim(pad(printable(key), keyWidth));
      return wrap(printable(value), Math.max(20, this.width - margin)).map(
        (line, i) => `${' '.repeat(indent)}${i === 0 ? name : ' '.repeat(keyWidth)}  ${line}`,
      );
    });
    this.#write(lines.join('\n'));
  }

  histogram(bins: readonly Bin[], indent = 0): void {
    for (const line of histogramLines(bins, this.width - indent)) this.print(' '.repeat(indent) + line);
  }

  warning(said: string | Notice): void {
    const text = typeof said === 'string' ? said : noticeSentence(said, COMMAND_LINE);
    this.#labelled('warning:', this.#colors.yellow, text);
  }

  /** An error for people with its hint, or a defect of attune with its stack. */
  error(error: unknown): void {
    if (error instanceof AttuneError) {
      const indent = 'error: '.length;
      this.#labelled('error:', this.#colors.red, errorSentence(error, COMMAND_LINE));
      this.paragraph(errorHint(error, COMMAND_LINE), indent);
      const { command } = error.facts;
      // On one line, or it could not be pasted.
      if (typeof command === 'string') this.#write(`${' '.repeat(indent)}${printable(command)}`);
      return;
    }
    this.#write(
      `${this.#colors.red('error:')} this is a defect of attune, not of what you gave it. ` +
        'Please report it with the lines below.',
    );
    this.print(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }

  #labelled(label: string, colour: (text: string) => string, text: string): void {
    const [safe, margin] = [printableLines(text), label.length + 1];
    // Long paths must stay whole to be copied, so lines of an error are wrapped at the window's width only
    // where it is known.
    const lines = this.stream.isTTY ? wrap(safe, this.width - margin) : safe.split('\n');
    this.#write(
      lines.map((line, i) => (i === 0 ? `${colour(label)} ${line}` : ' '.repeat(margin) + line)).join('\n'),
    );
  }

  /**
   * The one way to the screen for what stays there (progress.ts draws its live line itself): whoever comes
   * here has made the text printable.
   */
  #write(text: string): void {
    this.#liveLine?.hide();
    this.stream.write(`${text}\n`);
    this.#liveLine?.show();
  }
}

/** The Terminal of this process's stderr, unless told otherwise. */
export function createTerminal(options: Partial<TerminalOptions> = {}): Terminal {
  return new Terminal({ stream: options.stream ?? process.stderr, env: options.env ?? process.env });
}
