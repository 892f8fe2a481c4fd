/** What a command has to do with the outside: where people read, where results go, whether it was interrupted. */
import { createTerminal } from './terminal.js';
import type { Terminal } from './terminal.js';

export interface CliContext {
  /** stderr, for people. */
  readonly terminal: Terminal;
  /** stdout, for results. */
  readonly stdout: NodeJS.WriteStream;
  /** Aborted by the first Ctrl-C or SIGTERM; the second one ends the process. */
  readonly signal: AbortSignal;
}

const INTERRUPTED = 130;

/** Runs a command with signals watched, and stops watching when it is done. */
export async function withContext<T>(command: (context: CliContext) => Promise<T>): Promise<T> {
  const terminal = createTerminal();
  const abort = new AbortController();
  const interrupt = (): void => {
    if (abort.signal.aborted) process.exit(INTERRUPTED);
    terminal.print('\nStopping after this step; once more to stop at once.');
    abort.abort();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  try {
    return await command({ terminal, stdout: process.stdout, signal: abort.signal });
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}
