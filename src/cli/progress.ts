/**
 * Live progress on a terminal: one line, redrawn in place, below what is printed. Where the terminal cannot
 * redraw (a pipe, a file, NO_COLOR) there is no line at all, and what is printed stands alone.
 */
import { Writable } from 'node:stream';
import { SingleBar } from 'cli-progress';
import { formatBytes, formatDuration, formatRate } from './format.js';
import { bar, displayWidth, pad, printable, truncate } from './layout.js';
import type { LiveLine, Terminal } from './terminal.js';

export interface TrainingProgress {
  /** After step `step` of the run (from 1). */
  update(state: { readonly step: number; readonly epoch: number; readonly loss?: number }): void;
  stop(): void;
}

export interface TaskProgress {
  update(done: number): void;
  stop(): void;
}

export class Progress {
  readonly #terminal: Terminal;
  readonly #now: () => number;
  /** The last one is on the screen. */
  readonly #lines: Line[] = [];

  /** @param now milliseconds of a clock that only goes forward */
  constructor(terminal: Terminal, now: () => number = () => performance.now()) {
    this.#terminal = terminal;
    this.#now = now;
  }

  /**
   * The line of a training run. While a task is on the screen it waits, and its clock with it.
   *
   * @param epochs epochs of the run, which may be a fraction
   * @param firstStep steps done before, in a resumed run
   */
  training(totalSteps: number, epochs: number, firstStep = 0): TrainingProgress {
    let state: { step: number; epoch: number; loss?: number } = { step: firstStep, epoch: 0 };
    const speed = new Speed(firstStep);
    const line = this.#begin(
      totalSteps,
      firstStep,
      (width) => trainingLine({ ...state, totalSteps, epochs, perSecond: speed.perSecond() }, width),
      speed,
    );
    return {
      update: (next) => {
        state = { ...state, ...next };
        speed.add(next.step, this.#now());
        line.update(next.step);
      },
      stop: () => this.#end(line),
    };
  }

  /** The line of something counted, such as the rows of an evaluation. */
  task(label: string, total: number): TaskProgress {
    let done = 0;
    const speed = new Speed(0);
    const line = this.#begin(
      total,
      0,
      (width) => taskLine({ label, done, total, perSecond: speed.perSecond() }, width),
      speed,
    );
    return {
      update: (now) => {
        done = now;
        speed.add(done, this.#now());
        line.update(done);
      },
      stop: () => this.#end(line),
    };
  }

  /** The line of a download, in bytes. What was here before counts as done, and not for the speed. */
  download(label: string, total: number, received: number): TaskProgress {
    let done = received;
    const speed = new Speed(received);
    const line = this.#begin(
      total,
      received,
      (width) => downloadLine({ label, done, total, perSecond: speed.perSecond() }, width),
      speed,
    );
    return {
      update: (now) => {
        done = now;
        speed.add(done, this.#now());
        line.update(done);
      },
      stop: () => this.#end(line),
    };
  }

  /** Takes every line off the screen, as when a run ends in an error. */
  stop(): void {
    for (const line of [...this.#lines].reverse()) this.#end(line);
  }

  #begin(total: number, value: number, text: (width: number) => string, speed: Speed): Line {
    this.#lines.at(-1)?.pause();
    const line = new Line(this.#terminal, total, value, text, speed, this.#now);
    this.#lines.push(line);
    line.resume();
    return line;
  }

  #end(line: Line): void {
    const at = this.#lines.indexOf(line);
    if (at < 0) return;
    const onScreen = at === this.#lines.length - 1;
    this.#lines.splice(at, 1);
    if (!onScreen) return;
    line.pause();
    this.#lines.at(-1)?.resume();
  }
}

/** One line, drawn by cli-progress: it throttles and repeats the drawing; the text is ours. */
class Line implements LiveLine {
  readonly #bar: SingleBar;
  readonly #total: number;
  #value: number;

  constructor(
    readonly terminal: Terminal,
    total: number,
    value: number,
    text: (width: number) => string,
    readonly speed: Speed,
    readonly now: () => number,
  ) {
    this.#total = total;
    this.#value = value;
    this.#bar = new SingleBar({
      stream: new BarStream(terminal),
      // One column stays free: a full line would make some terminals wrap.
      format: () => text(terminal.width - 1),
      fps: 10,
      clearOnComplete: true,
      forceRedraw: true,
      linewrap: true,
      gracefulExit: false,
    });
  }

  update(value: number): void {
    this.#value = value;
    this.#bar.update(value);
  }

  /** Takes the line off the screen and stops its clock. */
  pause(): void {
    this.speed.pause();
    this.terminal.setLiveLine(undefined);
    this.#bar.stop();
  }

  resume(): void {
    this.speed.resume(this.now());
    if (!this.terminal.live) return;
    this.#bar.start(this.#total, this.#value);
    this.terminal.setLiveLine(this);
  }

  hide(): void {
    this.terminal.stream.write('\r\u001b[2K');
  }

  show(): void {
    this.#bar.render();
  }
}

/**
 * The terminal as cli-progress may see it. It saves the cursor's place on the screen when a bar starts and
 * goes back there when it stops, which is another line once something was printed above the bar: those two
 * sequences are dropped. It also cuts a line at so many characters, colour codes included; an endless width
 * turns that off, because the text is already as wide as it may be.
 */
class BarStream extends Writable {
  readonly isTTY: boolean;
  readonly columns = Number.MAX_SAFE_INTEGER;
  readonly #terminal: Terminal;

  constructor(terminal: Terminal) {
    super({ decodeStrings: false });
    this.#terminal = terminal;
    this.isTTY = terminal.live;
  }

  override _write(chunk: string, _encoding: BufferEncoding, done: () => void): void {
    if (chunk !== '\u001b7' && chunk !== '\u001b8') this.#terminal.stream.write(chunk);
    done();
  }
}

/** Speed over the last updates, without the time in which the line was not on the screen. */
class Speed {
  static readonly WINDOW = 60;
  #samples: { readonly value: number; readonly ms: number }[] = [];
  #value: number;
  #last: number | undefined;
  #elapsed = 0;

  constructor(value: number) {
    this.#value = value;
  }

  resume(now: number): void {
    this.#last = now;
    if (this.#samples.length === 0) this.#samples.push({ value: this.#value, ms: 0 });
  }

  pause(): void {
    this.#last = undefined;
  }

  add(value: number, now: number): void {
    this.#value = value;
    if (this.#last !== undefined) this.#elapsed += now - this.#last;
    this.#last = now;
    this.#samples.push({ value, ms: this.#elapsed });
    if (this.#samples.length > Speed.WINDOW) this.#samples.shift();
  }

  /** Undefined before two updates. */
  perSecond(): number | undefined {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (!first || !last || this.#samples.length < 3 || last.ms <= first.ms || last.value <= first.value)
      return undefined;
    return ((last.value - first.value) * 1000) / (last.ms - first.ms);
  }
}

interface TrainingLineState {
  readonly step: number;
  readonly totalSteps: number;
  readonly epoch: number;
  readonly epochs: number;
  readonly loss?: number;
  readonly perSecond: number | undefined;
}

/**
 * "epoch 1.24/3 ▕███   ▏ 310/750  loss 0.612  8.1 steps/s  0:54 left" in at most `width` columns: what has no
 * room is left out.
 */
export function trainingLine(
  { step, totalSteps, epoch, epochs, loss, perSecond }: TrainingLineState,
  width: number,
): string {
  const parts = [
    `${pad(String(step), String(totalSteps).length, 'right')}/${totalSteps}`,
    ...(loss === undefined ? [] : [`loss ${loss.toFixed(3)}`]),
    ...(perSecond === undefined
      ? []
      : [formatRate(perSecond), `${formatDuration((totalSteps - step) / perSecond)} left`]),
  ];
  return barLine(`epoch ${epoch.toFixed(2)}/${Number(epochs.toFixed(2))}`, step / totalSteps, parts, width);
}

interface TaskLineState {
  readonly label: string;
  readonly done: number;
  readonly total: number;
  readonly perSecond: number | undefined;
}

/** "evaluating ▕███   ▏ 120/200  0:03 left". */
export function taskLine({ label, done, total, perSecond }: TaskLineState, width: number): string {
  const parts = [
    `${pad(String(done), String(total).length, 'right')}/${total}`,
    ...(perSecond === undefined ? [] : [`${formatDuration((total - done) / perSecond)} left`]),
  ];
  return barLine(label, total === 0 ? 1 : done / total, parts, width);
}

/** "gpt2 ▕███   ▏ 120 MB of 551 MB  12.3 MB/s  0:35 left". */
export function downloadLine({ label, done, total, perSecond }: TaskLineState, width: number): string {
  const parts = [
    `${pad(formatBytes(done), '999 MB'.length, 'right')} of ${formatBytes(total)}`,
    ...(perSecond === undefined
      ? []
      : [`${formatBytes(perSecond)}/s`, `${formatDuration((total - done) / perSecond)} left`]),
  ];
  return barLine(label, total === 0 ? 1 : done / total, parts, width);
}

const NARROWEST_BAR = 6;
const WIDEST_BAR = 30;

function barLine(name: string, fraction: number, parts: readonly string[], width: number): string {
  const label = printable(name);
  let shown = parts;
  const rest = (): string => ` ${shown.join('  ')}`;
  const room = (): number => width - displayWidth(label) - ' ▕▏'.length - displayWidth(rest());
  // The end of the line goes first: the time left, the speed, the loss.
  while (room() < NARROWEST_BAR && shown.length > 1) shown = shown.slice(0, -1);
  if (room() < NARROWEST_BAR) return truncate(`${label}${rest()}`, width);
  const barWidth = Math.min(WIDEST_BAR, room());
  return `${label} ▕${pad(bar(fraction, barWidth), barWidth)}▏${rest()}`;
}
