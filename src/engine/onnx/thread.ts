/**
 * The main thread's end of the CPU engine's thread: requests go out, answers come in, and it ends once.
 *
 * Three things end it: `close`, its death, and an error that leaves it useless. Whichever comes first decides
 * what later requests are told; what a thread says after its end touches nothing. That matters because a
 * thread's error, its exit and its last answers come by different ports, in any order.
 *
 * It is never stopped while it loads or runs native code, which would take the whole process along: it is
 * asked to close, and answers when it has nothing to do.
 */
import { Worker } from 'node:worker_threads';
import type { ErrorArguments } from '../../errors/attune-error.js';
import { ThreadDeath, TrainingError } from '../../errors/attune-error.js';
import { CATALOGUE } from '../../errors/catalogue.js';
import type { Described } from '../../errors/shell.js';
import type { Answer, Answers, Failure, Numbered, Opening, Request } from './protocol.js';

interface Waiting {
  resolve(value: Answers[keyof Answers]): void;
  reject(error: Error): void;
}

export class EngineThread {
  readonly #worker = new Worker(new URL('./worker.js', import.meta.url));
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 0;
  /** What whoever asks from now on is told. */
  #refusal: Error | undefined;
  #gone = false;
  #closed: Promise<void> | undefined;

  constructor() {
    const worker = this.#worker;
    worker.on('message', (answer: Answer) => this.#answered(answer));
    worker.on('error', (cause) =>
      this.end(
        ownError(cause, cause) ?? new ThreadDeath('cpu-thread-died', { reason: cause.message }, { cause }),
      ),
    );
    worker.on('messageerror', (cause) =>
      this.end(new ThreadDeath('cpu-thread-unreadable', { reason: cause.message }, { cause })),
    );
    worker.on('exit', (code) => {
      this.#gone = true;
      this.end(new ThreadDeath('cpu-thread-ended', { exitCode: code }));
    });
    // A thread that nobody waits for does not keep the process alive; but one that is loading does, because
    // the process would abort in the middle of that.
    this.#post({ call: 'loaded' }).catch(() => undefined);
  }

  /** Whether a request would be refused. */
  get hasEnded(): boolean {
    return this.#refusal !== undefined;
  }

  /** @throws why it has ended */
  throwIfEnded(): void {
    if (this.#refusal) throw this.#refusal;
  }

  /** The first message; it has no answer (protocol.ts). */
  open(opening: Opening): void {
    this.#worker.postMessage(opening);
  }

  /** @throws TrainingError if the request fails, or the thread has ended or ends before it answers */
  ask<Call extends Request['call']>(request: Extract<Request, { call: Call }>): Promise<Answers[Call]> {
    return this.#refusal ? Promise.reject(this.#refusal) : this.#post(request);
  }

  #post<Call extends Request['call']>(request: Extract<Request, { call: Call }>): Promise<Answers[Call]> {
    const id = this.#nextId++;
    const numbered: Numbered = { id, request };
    return new Promise((resolve, reject) => {
      // The worker answers each call with its own kind of value (protocol.ts).
      this.#waiting.set(id, { resolve: (value) => resolve(value as Answers[Call]), reject });
      this.#worker.ref();
      this.#worker.postMessage(numbered);
    });
  }

  /** Rejects all that waits, and all that will be asked: with the reason that came first. */
  end(reason: Error): void {
    this.#refusal ??= reason;
    for (const request of this.#waiting.values()) request.reject(reason);
    this.#waiting.clear();
  }

  /**
   * Waits for what was asked before, then for the thread's end. A thread that is dead already, or dies of it,
   * is closed: `close` stands in `finally`.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const reason = new TrainingError('session-closed', {});
    this.#refusal ??= reason;
    // Also of a thread that is of no use any more: it may be in the middle of something.
    if (!this.#gone) await this.#post({ call: 'close' }).catch(() => undefined);
    this.end(reason);
    // It keeps the process alive until the thread is gone.
    await this.#worker.terminate();
  }

  #answered({ id, value, error }: Answer): void {
    // After the end nothing waits, so a late answer is nobody's.
    const request = this.#waiting.get(id);
    if (!request) return;
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#worker.unref();
    if (error) request.reject(failure(error));
    else request.resolve(value);
  }
}

/** What a request that failed rejects with. */
const failure = ({ message, stack, described }: Failure): TrainingError =>
  ownError(described, stack) ?? new TrainingError('cpu-engine-failed', { reason: message }, { cause: stack });

/** An error of attune's own that came from the thread, where it kept its code and facts but not its class. */
function ownError(from: object | undefined, cause: unknown): TrainingError | undefined {
  const { code, facts } = (from ?? {}) as Partial<Described>;
  if (code === undefined || facts === undefined || !Object.hasOwn(CATALOGUE, code)) return undefined;
  return new TrainingError(...([code, facts, { cause }] as unknown as ErrorArguments));
}
