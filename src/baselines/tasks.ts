/**
 * Numbered tasks over worker threads. Which thread does a task never changes its result: a task sees the shared setup and its number, nothing else.
 */
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { setImmediate } from 'node:timers/promises';
import { TrainingError } from '../errors.js';

/** Makes ready for tasks; called once a thread. Large arrays of `setup` should lie in SharedArrayBuffers (`shared`). */
export type Prepare<Setup, Result> = (setup: Setup) => (task: number) => Result;

export interface Work<Setup, Result> {
  /** Of a module that calls `serveTasks(prepare)`. */
  readonly module: URL;
  readonly prepare: Prepare<Setup, Result>;
  /** For errors: "the random forest". */
  readonly what: string;
}

export interface TaskOptions {
  readonly tasks: number;
  /** With one thread, or one task, everything is done here. */
  readonly threads: number;
  /** Tasks of one group share what a thread has worked out; a thread stays with a group while it has tasks. */
  readonly groupOf?: (task: number) => number;
}

interface Done<Result> {
  readonly task: number;
  readonly result?: Result;
  readonly error?: Error;
}

/** @returns results in the order of tasks. @throws what a task throws; TrainingError where a thread dies */
export async function runTasks<Setup, Result>(work: Work<Setup, Result>, setup: Setup, { tasks, threads, groupOf = () => 0 }: TaskOptions): Promise<Result[]> {
  const results = new Array<Result>(tasks);
  if (Math.min(threads, tasks) <= 1) {
    const run = work.prepare(setup);
    for (let task = 0; task < tasks; task++) {
      results[task] = run(task);
      await setImmediate(); // signals and timers stay alive
    }
    return results;
  }
  const waiting = new Map<number, number[]>();
  for (let task = 0; task < tasks; task++) waiting.set(groupOf(task), [...(waiting.get(groupOf(task)) ?? []), task]);
  const served = new Map<number, number>([...waiting.keys()].map((group) => [group, 0]));
  /** A task of the thread's group, else of the group that has most left for each thread at work on it. */
  const next = (group: number | undefined): number | undefined => {
    if (group !== undefined && waiting.get(group)!.length > 0) return waiting.get(group)!.shift();
    if (group !== undefined) served.set(group, served.get(group)! - 1);
    let best: number | undefined;
    const share = (candidate: number): number => waiting.get(candidate)!.length / (1 + served.get(candidate)!);
    for (const candidate of waiting.keys()) if (best === undefined || share(candidate) > share(best)) best = candidate;
    if (best === undefined || waiting.get(best)!.length === 0) return undefined;
    served.set(best, served.get(best)! + 1);
    return waiting.get(best)!.shift();
  };
  // Flags of the main thread, such as a loader of TypeScript, only delay a thread that needs none.
  const workers = Array.from({ length: Math.min(threads, tasks) }, () => new Worker(work.module, { workerData: setup, execArgv: [] }));
  try {
    await Promise.all(
      workers.map(
        (worker) =>
          new Promise<void>((resolve, reject) => {
            let last: number | undefined;
            const give = (): void => {
              const task = next(last === undefined ? undefined : groupOf(last));
              if (task === undefined) return resolve();
              last = task;
              worker.postMessage(task);
            };
            worker.on('message', ({ task, result, error }: Done<Result>) => {
              if (error) return reject(error);
              results[task] = result as Result;
              give();
            });
            worker.on('error', (cause) => reject(new TrainingError(`a thread of ${work.what} died: ${cause.message}`, { cause })));
            worker.on('exit', (code) => reject(new TrainingError(`a thread of ${work.what} ended (exit ${code}) with work under way`)));
            give();
          }),
      ),
    );
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  return results;
}

/** The body of a worker module. Does nothing where the module is imported outside a worker. */
export function serveTasks<Setup, Result>(prepare: Prepare<Setup, Result>): void {
  if (isMainThread || !parentPort) return;
  const port = parentPort;
  let run: ((task: number) => Result) | undefined;
  port.on('message', (task: number) => {
    let done: Done<Result>;
    try {
      run ??= prepare(workerData as Setup);
      done = { task, result: run(task) };
    } catch (error) {
      done = { task, error: error as Error };
    }
    port.postMessage(done);
  });
}

type Shareable = Float32Array | Float64Array | Int32Array;

/** An array of zeros that threads share. */
export function sharedArray<A extends Shareable>(type: { new (buffer: SharedArrayBuffer): A; readonly BYTES_PER_ELEMENT: number }, length: number): A {
  return new type(new SharedArrayBuffer(type.BYTES_PER_ELEMENT * length));
}
