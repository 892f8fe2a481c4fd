/**
 * Long work in JavaScript keeps the thread to itself: no signal is heard, no timer runs, no message comes in.
 * A Pace tells such work when to give way, and ends it when it is asked to stop.
 *
 *     const pace = new Pace(signal);
 *     for (const row of rows) {
 *       if (pace.due) await pace.rest();
 *       …
 *     }
 */

/** Long enough that giving way costs nothing, short enough that nobody notices. */
const SLICE_MS = 50;

/** The event loop goes round once. Browsers have no setImmediate. */
const nextTurn = (): Promise<void> =>
  new Promise(
    (resolve) => void (typeof setImmediate === 'function' ? setImmediate(resolve) : setTimeout(resolve)),
  );

/**
 * Work that yields between its pieces, each far shorter than a slice of time: it can be done at once, or
 * paced.
 */
export type Pieces<T> = Generator<void, T>;

export function atOnce<T>(work: Pieces<T>): T {
  for (;;) {
    const piece = work.next();
    if (piece.done === true) return piece.value;
  }
}

/** @throws the signal's reason if it is aborted */
export async function paced<T>(work: Pieces<T>, signal?: AbortSignal): Promise<T> {
  const pace = new Pace(signal);
  for (;;) {
    if (pace.due) await pace.rest();
    const piece = work.next();
    if (piece.done === true) return piece.value;
  }
}

/**
 * `items.map(of)`, giving way between the items.
 *
 * @throws the signal's reason if it is aborted
 */
export async function pacedMap<T, U>(
  items: Iterable<T>,
  of: (item: T) => U,
  signal?: AbortSignal,
): Promise<U[]> {
  signal?.throwIfAborted();
  const mapped: U[] = [];
  const pace = new Pace(signal);
  for (const item of items) {
    if (pace.due) await pace.rest();
    mapped.push(of(item));
  }
  return mapped;
}

export class Pace {
  readonly #signal: AbortSignal | undefined;
  #since = performance.now();

  constructor(signal?: AbortSignal) {
    this.#signal = signal;
  }

  /** Whether the thread has been kept for a slice of time. Cheap enough to ask for each row of a dataset. */
  get due(): boolean {
    return performance.now() - this.#since >= SLICE_MS;
  }

  /**
   * Gives way once.
   *
   * @throws the signal's reason if it is aborted
   */
  async rest(): Promise<void> {
    await nextTurn();
    this.#signal?.throwIfAborted();
    this.#since = performance.now();
  }
}
