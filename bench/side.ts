/**
 * One side of a comparison: a child process that does one step at a time when asked, and says how long it
 * took.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface Timing {
  /** Of the whole step. */
  readonly ms: number;
  readonly forwardBackward: number;
  readonly clip: number;
  readonly optimizer: number;
  readonly loss: number;
}

export class Side {
  readonly timings: Timing[] = [];
  readonly #lines: AsyncIterator<string, undefined>;

  readonly #child: ChildProcess;

  private constructor(
    readonly name: string,
    child: ChildProcess,
  ) {
    this.#child = child;

    this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  }

  /** Starts the process and waits until it is ready. `setup` is what it is told first. */
  static async start(name: string, command: string, args: readonly string[], setup: object): Promise<Side> {
    const side = new Side(name, spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] }));
    await side.#ask(setup);
    return side;
  }

  /** One step on batch `index`; kept where `keep`. */
  async step(index: number, keep: boolean): Promise<void> {
    const timing = (await this.#ask({ step: index })) as Timing;
    if (keep) this.timings.push(timing);
  }

  /** Ends the process without a word: what it cannot do is no result. */
  drop(): void {
    this.#child.kill();
  }

  /** Ends the process; returns its peak memory in MiB. */
  async end(): Promise<number> {
    const { peakMib } = (await this.#ask({ end: true })) as { peakMib: number };
    this.#child.stdin!.end();
    return peakMib;
  }

  median(key: keyof Timing): number {
    const sorted = this.timings.map((timing) => timing[key]).sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)];
  }

  async #ask(request: object): Promise<unknown> {
    this.#child.stdin!.write(`${JSON.stringify(request)}\n`);
    const line = await this.#lines.next();
    if (line.done) throw new Error(`${this.name} ended without an answer`);
    const answer = JSON.parse(line.value) as { error?: string };
    if (answer.error !== undefined) throw new Error(`${this.name}: ${answer.error}`);
    return answer;
  }
}
