/**
 * Downloads from the Hub as the command line shows them: a line that says what comes and where to, a bar
 * while it does, a line when it has come.
 */
import type { HubOptions, HubProgress } from '../hub/settings.js';
import { formatBytes, formatDuration } from './format.js';
import { Progress } from './progress.js';
import type { TaskProgress } from './progress.js';
import type { Terminal } from './terminal.js';

/** Downloads that take less are not worth a second line. */
const TOLD_SECONDS = 2;

/** Runs `work` with the Hub's options; nothing is shown where nothing is downloaded. */
export async function withDownloads<T>(
  terminal: Terminal,
  signal: AbortSignal,
  work: (hub: HubOptions) => Promise<T>,
): Promise<T> {
  const downloads = new Downloads(terminal);
  try {
    return await work({
      signal,
      onProgress: (progress) => downloads.show(progress),
      onNote: (text) => terminal.warning(text),
    });
  } finally {
    downloads.stop();
  }
}

class Downloads {
  readonly #progress: Progress;
  #current:
    | {
        readonly repository: string;
        readonly line: TaskProgress;
        readonly started: number;
        readonly before: number;
        done: boolean;
      }
    | undefined;

  readonly #terminal: Terminal;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;

    this.#progress = new Progress(terminal);
  }

  show({ repository, files, total, received, cacheDir }: HubProgress): void {
    if (!this.#current || this.#current.repository !== repository || this.#current.done) {
      this.stop();
      this.#terminal.print(
        `downloading ${repository}: ${files} file${files === 1 ? '' : 's'}, ${formatBytes(total)}, into ${cacheDir}`,
      );
      this.#current = {
        repository,
        line: this.#progress.download(repository, total, received),
        started: performance.now(),
        before: received,
        done: false,
      };
    }
    const { line, started, before } = this.#current;
    line.update(received);
    if (received < total || this.#current.done) return;
    this.#current.done = true;
    line.stop();
    const seconds = (performance.now() - started) / 1000;
    if (seconds >= TOLD_SECONDS)
      this.#terminal.print(
        `downloaded ${repository} in ${formatDuration(seconds)}, ${formatBytes((total - before) / seconds)}/s`,
      );
  }

  stop(): void {
    this.#progress.stop();
    this.#current = undefined;
  }
}
