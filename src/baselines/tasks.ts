/**
 * Numbered tasks over worker threads. Which thread does a task never changes its result: a task sees the
 * shared setup and its number, nothing else.
 */
import { inspect } from 'node:util';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import type { ResourceLimits } from 'node:worker_threads';
import { ThreadDeath, TrainingError } from '../errors/attune-error.js';
import type { ErrorArguments } from '../errors/attune-error.js';
import type { ErrorCode } from '../errors/catalogue.js';
import type { Facts } from '../errors/wording.js';
import { Pace } from '../pace.js';

/**
 * Makes ready for tasks; called once a thread. Large arrays of `setup` should lie in SharedArrayBuffers
 * (`shared`).
 */
export type Prepare<Setup, Result> = (setup: Setup) => (task: number) => Result;

export interface Work<Setup, Result> {
  /** Of a module that calls `serveTasks(prepare)`. */
  readonly module: URL;
  readonly prepare: Prepare<Setup, Result>;
  /** For errors: "random forest". */
  readonly what: string;
  /** Of each thread, if Node's own do not fit. */
  readonly resourceLimits?: ResourceLimits | undefined;
}

export interface TaskOptions {
  readonly tasks: number;
  /** With none, everything is done here, and the event loop turns between tasks: they must be short. */
  readonly threads: number;
  /**
   * Tasks of one group share what a thread has worked out; a thread stays with a group while it has tasks.
   */
  readonly groupOf?: (task: number) => number;
  readonly signal?: AbortSignal | undefined;
}

/** What a thread reports of a task. Structured cloning would drop a TrainingError's code and facts. */
type Done<Result> =
  | { readonly task: number; readonly result: Result }
  | { readonly task: number; readonly error: Error }
  | { readonly task: number; readonly code: ErrorCode; readonly facts: Facts };

/**
 * @returns results in the order of tasks
 * @throws what a task throws; ThreadDeath if a thread dies; the signal's reason if it is aborted. No thread
 *   is left in any case
 */
export async function runTasks<Setup, Result>(
  work: Work<Setup, Result>,
  setup: Setup,
  options: TaskOptions,
): Promise<Result[]> {
  const { tasks, threads, signal } = options;
  signal?.throwIfAborted();
  if (tasks === 0) return [];
  if (threads === 0) return runHere(work, setup, options);
  const workers: Worker[] = [];
  try {
    // Flags of the main thread, such as a loader of TypeScript, only delay a thread that needs none.
    const { module, resourceLimits } = work;
    const init = { workerData: setup, execArgv: [], resourceLimits };
    while (workers.length < Math.min(threads, tasks)) workers.push(new Worker(module, init));
    return await results(work, workers, options);
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

async function runHere<Setup, Result>(
  work: Work<Setup, Result>,
  setup: Setup,
  { tasks, signal }: TaskOptions,
): Promise<Result[]> {
  const pace = new Pace(signal);
  const run = work.prepare(setup);
  const done: Result[] = [];
  for (let task = 0; task < tasks; task++) {
    if (pace.due) await pace.rest();
    done.push(run(task));
  }
  return done;
}

/**
 * Settles once, on the last result or on the first thing that goes wrong. Listeners stay with the threads, so
 * that nothing they still have to say is an unhandled error, and do nothing from then on.
 */
function results<Setup, Result>(
  work: Work<Setup, Result>,
  workers: readonly Worker[],
  options: TaskOptions,
): Promise<Result[]> {
  const { tasks, signal, groupOf = () => 0 } = options;
  const queue = new TaskQueue(tasks, groupOf);
  const found = new Array<Result>(tasks);
  let open = tasks;
  return new Promise((resolve, reject) => {
    let over = false;
    const once = (settle: () => void): void => {
      if (over) return;
      over = true;
      signal?.removeEventListener('abort', abort);
      settle();
    };
    const fail = (error: Error): void => once(() => reject(error));
    const died = (...how: ErrorArguments): void => fail(new ThreadDeath(...how));
    const abort = (): void => fail(signal!.reason as Error);
    signal?.addEventListener('abort', abort);
    for (const worker of workers) {
      let current: number | undefined;
      const next = (): void => {
        current = queue.next(current);
        if (current !== undefined) worker.postMessage(current);
      };
      worker.on('message', (done: Done<Result>) => {
        if (over) return;
        if (done.task !== current)
          return died('estimator-thread-confused', { work: work.what, task: done.task });
        if ('error' in done) return fail(done.error);
        if ('code' in done) {
          // The thread took both from one error.
          return fail(new TrainingError(...([done.code, done.facts] as ErrorArguments)));
        }
        found[done.task] = done.result;
        open--;
        if (open === 0) return once(() => resolve(found));
        next();
      });
      worker.on('messageerror', (cause) =>
        died('estimator-thread-unreadable', { work: work.what, reason: cause.message }, { cause }),
      );
      worker.on('error', (cause: unknown) => {
        const reason = cause instanceof Error ? cause.message : inspect(cause);
        died('estimator-thread-died', { work: work.what, reason }, { cause });
      });
      worker.on('exit', (exitCode) => died('estimator-thread-ended', { work: work.what, exitCode }));
      next();
    }
  });
}

/** Which task is next. */
class TaskQueue {
  readonly #groupOf: (task: number) => number;
  /** Tasks of each group, the next one last. */
  readonly #waiting = new Map<number, number[]>();
  /** Threads at work on each group. */
  readonly #served = new Map<number, number>();

  constructor(tasks: number, groupOf: (task: number) => number) {
    this.#groupOf = groupOf;
    for (let task = 0; task < tasks; task++) {
      const group = groupOf(task);
      const waiting = this.#waiting.get(group);
      if (waiting) waiting.push(task);
      else this.#waiting.set(group, [task]);
    }
    for (const [group, waiting] of this.#waiting) {
      waiting.reverse();
      this.#served.set(group, 0);
    }
  }

  /**
   * A task of the group of a thread's last one, else of the group that has most left for each thread at work
   * on it.
   */
  next(last: number | undefined): number | undefined {
    const group = last === undefined ? undefined : this.#groupOf(last);
    if (group !== undefined) {
      const task = this.#waiting.get(group)!.pop();
      if (task !== undefined) return task;
      this.#served.set(group, this.#served.get(group)! - 1);
    }
    const largest = this.#largestShare();
    if (largest === undefined) return undefined;
    this.#served.set(largest, this.#served.get(largest)! + 1);
    return this.#waiting.get(largest)!.pop();
  }

  #largestShare(): number | undefined {
    let best: number | undefined;
    let share = 0;
    for (const [group, waiting] of this.#waiting) {
      const own = waiting.length / (1 + this.#served.get(group)!);
      if (own <= share) continue;
      best = group;
      share = own;
    }
    return best;
  }
}

/** The body of a worker module. Does nothing where the module is imported outside a worker. */
export function serveTasks<Setup, Result>(prepare: Prepare<Setup, Result>): void {
  if (isMainThread || !parentPort) return;
  const port = parentPort;
  let run: ((task: number) => Result) | undefined;
  port.on('message', (task: number) => {
    const done = attempt(task);
    try {
      port.postMessage(done);
    } catch (error) {
      const reason = (error as Error).message;
      port.postMessage(refused(task, new TrainingError('estimator-result-unsendable', { task, reason })));
    }
  });

  function attempt(task: number): Done<Result> {
    try {
      run ??= prepare(workerData as Setup);
      return { task, result: run(task) };
    } catch (error) {
      return error instanceof TrainingError ? refused(task, error) : { task, error: error as Error };
    }
  }

  function refused(task: number, { code, facts }: TrainingError): Done<Result> {
    return { task, code, facts };
  }
}

type Shareable = Float32Array | Float64Array | Int32Array;

/** An array of zeros that threads share. */
export function sharedArray<A extends Shareable>(
  type: { new (buffer: SharedArrayBuffer): A; readonly BYTES_PER_ELEMENT: number },
  length: number,
): A {
  return new type(new SharedArrayBuffer(type.BYTES_PER_ELEMENT * length));
}
