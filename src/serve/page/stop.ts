/** Ending a run before it is done, and waiting no longer than that. */
import { AttuneError } from './attune.js';

/** How a run is stopped: in order, with the result so far; or at once, because that takes too long. */
export class Stop {
  readonly #inOrder = new AbortController();
  readonly #atOnce = new AbortController();
  readonly inOrder = this.#inOrder.signal;
  readonly atOnce = this.#atOnce.signal;

  /** @param beforeTraining what a stop means that comes before the first step */
  constructor(readonly beforeTraining: 'page-run-stopped-early' | 'page-run-stopped-again') {}

  /** The first call asks for an end in order, the second one for an end at once. */
  ask(): void {
    if (this.inOrder.aborted) this.#atOnce.abort(new AttuneError('page-run-stopped-at-once', {}));
    else this.#inOrder.abort(new AttuneError(this.beforeTraining, {}));
  }
}

/**
 * What `work` gives, or the signal's reason as soon as it is aborted; the work itself goes on, and how it
 * ends is ignored.
 */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort);
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
