/** What a command has to do with the outside: where people read, where results go, whether it was interrupted. */
import { InterruptedError } from '../errors.js';
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

/** Runs a command with signals watched, and stops watching when it is done. */
export async function withContext<T>(command: (context: CliContext) => Promise<T>): Promise<T> {
  const terminal = createTerminal();
  const abort = new AbortController();
  const interrupt = (): void => {
    if (abort.signal.aborted) {
      unwatch();
      // Not process.exit(): it would stop the engine's thread inside ONNX Runtime, which aborts the process. A shell sees 130 for this signal, too.
      process.kill(process.pid, 'SIGINT');
      return;
    }
    terminal.print('\nStopping after the step in hand; once more to stop at once.');
    // What a command that has nothing to save throws: being stopped is no defect.
    abort.abort(new InterruptedError('interrupted'));
  };
  const unwatch = (): void => {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  try {
    return await command({ terminal, stdout: process.stdout, signal: abort.signal });
  } finally {
    unwatch();
  }
}
