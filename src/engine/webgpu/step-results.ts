/**
 * Results of steps on their way back. Each step leaves its own in an entry of a ring on the device; they are
 * read several at once, without anything being waited for, so that the device never stands still for a number
 * that nobody needs yet.
 */

/**
 * Steps that may be unanswered at once: enough to keep the device busy. What was submitted cannot be taken
 * back, and whoever stops a run waits for it.
 */
export const STEPS_IN_FLIGHT = 4;
/**
 * Where a step takes longer, nothing is gained by going ahead: the moment between two steps is as nothing,
 * and Ctrl-C is answered after one of them.
 */
const SLOW_MS = 400;
/** Entries of the ring: so many results are read at once at most. */
const ENTRIES = 2;

interface Held {
  /** When it was submitted, in milliseconds. */
  readonly since: number;
  readonly resolve: (result: Float32Array) => void;
  readonly reject: (reason: unknown) => void;
}

export class StepResults {
  readonly #ring: GPUBuffer;
  /** Steps whose results lie in the ring, in order. */
  readonly #held: Held[] = [];
  /** Unanswered steps, in order. */
  readonly #unanswered: Promise<unknown>[] = [];
  readonly #staging: GPUBuffer[] = [];
  /** When the last results came. */
  #lastRead = 0;
  /** Of a step on the device, by the last results that came; undefined before. */
  #milliseconds: number | undefined;

  readonly #device: GPUDevice;
  readonly #floats: number;

  /** @param floats of a result */
  constructor(device: GPUDevice, floats: number) {
    this.#device = device;
    this.#floats = floats;

    this.#ring = device.createBuffer({
      label: 'results of steps',
      size: ENTRIES * floats * 4,
      usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
  }

  get outstanding(): number {
    return this.#unanswered.length;
  }

  /**
   * How many steps should be under way at once. The first is waited for, because nobody knows yet how long
   * one takes.
   */
  get advisable(): number {
    return this.#milliseconds === undefined || this.#milliseconds > SLOW_MS ? 1 : STEPS_IN_FLIGHT;
  }

  /** Whether `collect` must come before the next `hold`. */
  get full(): boolean {
    return this.#held.length === ENTRIES;
  }

  get holding(): boolean {
    return this.#held.length > 0;
  }

  /**
   * Waits until at most `most` steps are unanswered; those in the ring are not read for it. A step that fails
   * counts as answered.
   */
  async until(most: number): Promise<void> {
    while (this.#unanswered.length > most) await this.#unanswered[0].catch(() => undefined);
  }

  /** Encodes the copy of a step's result into the ring; comes with `collect`. */
  hold(encoder: GPUCommandEncoder, result: GPUBuffer): Promise<Float32Array> {
    encoder.copyBufferToBuffer(result, 0, this.#ring, this.#held.length * this.#floats * 4, this.#floats * 4);
    const answer = new Promise<Float32Array>((resolve, reject) =>
      this.#held.push({ since: performance.now(), resolve, reject }),
    );
    this.#unanswered.push(answer);
    const answered = (): void => void this.#unanswered.splice(this.#unanswered.indexOf(answer), 1);
    answer.then(answered, answered);
    return answer;
  }

  /**
   * Encodes the reading of all that is in the ring. What it returns is to be called when the encoder's
   * commands are submitted.
   */
  collect(encoder: GPUCommandEncoder): () => void {
    const taken = this.#held.splice(0);
    if (taken.length === 0) return () => undefined;
    const staging =
      this.#staging.pop() ??
      this.#device.createBuffer({
        label: 'staging of results',
        size: ENTRIES * this.#floats * 4,
        usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
      });
    encoder.copyBufferToBuffer(this.#ring, 0, staging, 0, taken.length * this.#floats * 4);
    return () =>
      void staging.mapAsync(GPUMapMode.READ).then(
        () => {
          const results = new Float32Array(staging.getMappedRange().slice(0));
          staging.unmap();
          this.#staging.push(staging);
          const now = performance.now();
          // The device began with them when they came, or when it was done with those before.
          this.#milliseconds = (now - Math.max(this.#lastRead, taken[0].since)) / taken.length;
          this.#lastRead = now;
          for (const [i, { resolve }] of taken.entries())
            resolve(results.slice(i * this.#floats, (i + 1) * this.#floats));
        },
        (reason: unknown) => {
          for (const { reject } of taken) reject(reason);
        },
      );
  }

  destroy(): void {
    for (const buffer of [this.#ring, ...this.#staging]) buffer.destroy();
  }
}
