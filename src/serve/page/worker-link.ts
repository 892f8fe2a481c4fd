/**
 * The page's worker: the only module that knows `Worker`. A worker's end is final and is reported once;
 * nothing that it sent reaches the page afterwards.
 *
 * A browser fires no event when a worker closes itself or is killed (when memory runs out, for instance), and
 * lets one live on after an uncaught error. So the worker holds a Web Lock for its life, and the page asks
 * for the same lock: it gets it when the worker is gone. A worker that fails is terminated here.
 */
import type { FromWorker, LifeMessage, ToWorker } from './protocol.js';

export interface WorkerLinkOptions {
  readonly onMessage: (message: FromWorker) => void;
  /** Called once. `reason` is a clause for people, without a full stop. */
  readonly onEnd: (reason: string) => void;
}

export interface WorkerLink {
  /** Does nothing after the worker's end. */
  send(message: ToWorker): void;
}

/**
 * A worker has to report that it lives by then. Its script is tiny, and the page's own has just been loaded.
 */
const START_SECONDS = 60;

/** Starts the worker. */
export function openWorker({ onMessage, onEnd }: WorkerLinkOptions): WorkerLink {
  // Neither the locks nor randomUUID exist in a page that came by http from another machine; WebGPU does not,
  // either.
  const { locks } = navigator as { readonly locks?: LockManager };
  const name = locks ? `attune-worker-${crypto.randomUUID()}` : '';
  const worker = new Worker(new URL('worker.js', import.meta.url), { type: 'module', name });
  let ended = false;

  const end = (reason: string): void => {
    if (ended) return;
    ended = true;
    clearTimeout(starting);
    worker.terminate();
    onEnd(reason);
  };
  const starting = setTimeout(
    () => end(`it did not start within ${START_SECONDS} seconds`),
    START_SECONDS * 1000,
  );

  const lives = (locked: boolean): void => {
    clearTimeout(starting);
    if (!locks || !locked) return;
    // Not before the worker holds it, or the page would be granted it at once.
    locks
      .request(name, () => end('the browser ended it, perhaps because memory ran out'))
      .catch(() => undefined);
  };

  worker.onmessage = ({ data }: MessageEvent<FromWorker | LifeMessage>) => {
    if (ended) return;
    if (data.type === 'alive') return lives(data.locked);
    if (data.type === 'dying') return end(clause(data.reason));
    onMessage(data);
  };
  worker.onmessageerror = () => end('the page could not read what it sent');
  // An event without a message: the script, or one that it imports, could not be loaded.
  worker.onerror = ({ message }) => end(message ? clause(message) : 'its script could not be loaded');

  return { send: (message) => void (ended || worker.postMessage(message)) };
}

/** As a part of a sentence. */
const clause = (message: string): string =>
  message.replace(/^Uncaught (\(in promise\) )?/, '').replace(/[\s.]+$/, '');
