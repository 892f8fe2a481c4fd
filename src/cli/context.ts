/**
 * What a command has to do with the outside: where people read, where results go, whether it was interrupted.
 */
import { InterruptedError } from '../errors/attune-error.js';
import { standardResults } from './results.js';
import type { ResultWriter } from './results.js';
import { createTerminal } from './terminal.js';
import type { Terminal } from './terminal.js';

export interface CliContext {
  /** stderr, for people. */
  readonly terminal: Terminal;
  /** stdout, for programs. */
  readonly results: ResultWriter;
  /** Aborted by the first signal to stop (Ctrl-C, SIGTERM, SIGHUP); the second one ends the process. */
  readonly signal: AbortSignal;
}

/** What asks a command to stop: the keyboard, another program, a terminal that was closed. */
const STOPPING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs a command with signals watched, and stops watching when it is done. */
export async function withContext<T>(command: (context: CliContext) => Promise<T>): Promise<T> {
  const terminal = createTerminal();
  const abort = new AbortController();
  const interrupt = (): void => {
    if (abort.signal.aborted) {
      unwatch();
      // Not process.exit(): it would stop the engine's thread inside ONNX Runtime, which aborts the process.
      // A shell sees 130 for this signal, too.
      process.kill(process.pid, 'SIGINT');
      return;
    }
    terminal.print('\nStopping after the step in hand; once more to stop at once.');
    // What a command that has nothing to save throws: being stopped is no defect.
    abort.abort(new InterruptedError('interrupted', {}));
  };
  const unwatch = (): void => {
    for (const signal of STOPPING) process.off(signal, interrupt);
  };
  for (const signal of STOPPING) process.on(signal, interrupt);
  try {
    return await command({ terminal, results: standardResults(), signal: abort.signal });
  } finally {
    unwatch();
  }
}
