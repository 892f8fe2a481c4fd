/**
 * Commands that wait for what never comes: Node then ends the process of its own accord, and would call that
 * a success.
 */
import assert from 'node:assert/strict';
import { attune } from './cli.js';
import type { CliOptions } from './cli.js';

/**
 * NODE_OPTIONS with which `code` runs at the start of every thread; it has `isMainThread`, `parentPort` and
 * `Worker`.
 */
export function preloaded(code: string): Readonly<Record<string, string>> {
  const module = `import { isMainThread, parentPort, Worker } from 'node:worker_threads';\n${code}`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(module)}` };
}

/**
 * Threads of the engine that answer when they have loaded, as ever, and never again, and that nobody waits
 * for from then on: for those who do, the promise of an answer stays a promise. They do not end, and the
 * process is not to end while they load, or it would end otherwise by chance.
 */
export const DEAF_THREADS = `
if (isMainThread) {
  const loaded = new WeakSet();
  const { ref } = Worker.prototype;
  Worker.prototype.ref = function () { return loaded.has(this) ? this : ref.call(this); };
  process.on('worker', (worker) => worker.once('message', () => { loaded.add(worker); worker.unref(); }));
} else {
  setInterval(() => {}, 2 ** 30);
  const on = parentPort.on;
  const onlyLoaded = (listener) => (asked) => asked.request?.call === 'loaded' && listener(asked);
  parentPort.on = (event, listener) =>
    on.call(parentPort, event, event === 'message' ? onlyLoaded(listener) : listener);
}`;

/** Runs a command in which a promise never settles, and expects it to fail and to say so. */
export async function endsEarly(words: readonly string[], options: CliOptions): Promise<void> {
  const { code, signal, stdout, stderr } = await attune(words, options);
  assert.deepEqual([code, signal], [1, null], stderr);
  assert.match(
    stderr,
    /^error: attune ended before its work was done\. This is a defect of attune: please report it/m,
  );
  assert.equal(stderr.match(/^error:/gm)?.length, 1, stderr);
  assert.doesNotMatch(stdout, /"type":"(result|comparison|final)"/);
}
