/**
 * The worker of the demo page as the page sees it: it lives, or it reports why it does not. What computes is
 * in compute.ts, which is loaded from here, so that whatever goes wrong there, at its loading or later, is
 * reported.
 */
import type { LifeMessage, ToWorker } from './protocol.js';

interface WorkerScope {
  /** The name of the lock that the worker holds for its life; empty if the page has no locks. */
  readonly name: string;
  onmessage: (event: MessageEvent<ToWorker>) => void;
  onmessageerror: () => void;
  onunhandledrejection: (event: PromiseRejectionEvent) => void;
  postMessage(message: LifeMessage): void;
}
const scope = self as unknown as WorkerScope;

// An uncaught error reaches the page by itself.
scope.onunhandledrejection = ({ reason }) => scope.postMessage({ type: 'dying', reason: String(reason) });
scope.onmessageerror = () =>
  scope.postMessage({ type: 'dying', reason: 'it could not read what the page sent' });

const computing = import('./compute.js');
scope.onmessage = ({ data }) => void computing.then(({ handle }) => handle(data));

const alive = (locked: boolean): void => scope.postMessage({ type: 'alive', locked });

/** Holds the lock until the worker is gone. */
function live(): void {
  if (scope.name === '') return alive(false);
  const held = navigator.locks.request(scope.name, () => {
    alive(true);
    return new Promise<never>(() => undefined);
  });
  // A browser that is set to keep no data for the page may refuse locks.
  held.catch(() => alive(false));
}

live();
