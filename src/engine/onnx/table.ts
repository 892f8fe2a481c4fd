/**
 * Embedding tables: parameters that a model only gathers rows from. Their gradient comes as one row for each
 * gathered index and is added up here.
 *
 * A row that no training batch has gathered yet has zero moments and a zero gradient, so its update is its
 * decay alone, p *= 1 - lr * wd. Such rows are left alone until they are next read, and then get the factors
 * of all the updates they missed, one after the other: bit for bit what updating every row at every step
 * would have given, for the price of the rows in use.
 */
import type { UpdateSettings } from '../engine.js';
import { SCRATCH_FLOATS } from './memory.js';
import type { TensorRegions } from './memory.js';

export interface UpdateScalars {
  readonly clip: number;
  readonly decay: number;
  readonly stepSize: number;
  readonly inverseRoot2: number;
  readonly settings: UpdateSettings;
}

/** target [V, columns] gets each row of dy added to the row of its index, in order. */
export function addRows(target: Float32Array, columns: number, indices: Int32Array, dy: Float32Array): void {
  for (const [i, row] of indices.entries()) {
    const to = row * columns;
    const from = i * columns;
    for (let c = 0; c < columns; c++) target[to + c] += dy[from + c];
  }
}

export class Table {
  readonly #rows: number;
  readonly #rowBytes: number;
  /** Rows whose moments may not be zero: they take part in every update. */
  readonly #live: Uint8Array;
  readonly #liveRows: number[] = [];
  #liveUnknown = false;
  /** Factors of the updates so far, float32. */
  #factors: number[] = [];
  /** How many of `factors` each row has had; live rows have had all. */
  readonly #applied: Int32Array;
  /** Rows whose gradient region is not zero. */
  #gradientRows: number[] = [];
  readonly #inGradient: Uint8Array;

  readonly #regions: TensorRegions;
  readonly #columns: number;

  constructor(regions: TensorRegions, columns: number) {
    this.#regions = regions;
    this.#columns = columns;

    // Rows are addressed one by one by kernels that count in fours.
    if (columns % 4 !== 0) throw new Error(`a table of ${columns} columns: a multiple of 4 is needed`);
    this.#rows = regions.floats / columns;
    this.#rowBytes = columns * 4;
    this.#live = new Uint8Array(this.#rows);
    this.#applied = new Int32Array(this.#rows);
    this.#inGradient = new Uint8Array(this.#rows);
  }

  /** To be called before the model reads these rows. */
  catchUp(indices: Int32Array): void {
    for (const row of indices) if (!this.#live[row]) this.#catchUpRow(row);
  }

  /** To be called before the parameter is read as a whole. */
  catchUpAll(): void {
    if (this.#factors.length === 0) return;
    for (let row = 0; row < this.#rows; row++) if (!this.#live[row]) this.#catchUpRow(row);
    this.#applied.fill(0);
    this.#factors = [];
  }

  /**
   * To be called after a part of the moments was written from outside, and after `catchUpAll`. They come in
   * many parts: which rows are live is looked up when the last is there.
   */
  momentsWritten(): void {
    this.#liveUnknown = true;
  }

  #findLive(): void {
    const { bank, floats, moment1, moment2 } = this.#regions;
    const first = bank.view(moment1, floats);
    const second = bank.view(moment2, floats);
    this.#liveUnknown = false;
    this.#live.fill(0);
    this.#liveRows.length = 0;
    for (let row = 0; row < this.#rows; row++) {
      const from = row * this.#columns;
      for (let i = from; i < from + this.#columns; i++) {
        if (first[i] !== 0 || second[i] !== 0) {
          this.#makeLive(row);
          break;
        }
      }
    }
  }

  clearGradient(): void {
    for (const row of this.#gradientRows) {
      this.#regions.bank.view(this.#regions.gradient + row * this.#rowBytes, this.#columns).fill(0);
      this.#inGradient[row] = 0;
    }
    this.#gradientRows = [];
  }

  /** Adds dy [indices.length, columns], row by row. */
  addGradient(indices: Int32Array, dy: Float32Array): void {
    for (const row of indices) {
      if (this.#inGradient[row]) continue;
      this.#inGradient[row] = 1;
      this.#gradientRows.push(row);
    }
    addRows(
      this.#regions.bank.view(this.#regions.gradient, this.#regions.floats),
      this.#columns,
      indices,
      dy,
    );
  }

  sumOfSquares(): number {
    // In order of rows, so that the sum does not depend on the order of the texts' words.
    this.#gradientRows.sort((a, b) => a - b);
    let sum = 0;
    for (const row of this.#gradientRows)
      sum += this.#regions.bank.kernels.sumOfSquares(
        this.#regions.gradient + row * this.#rowBytes,
        this.#columns,
      );
    return sum;
  }

  update({ clip, decay, stepSize, inverseRoot2, settings }: UpdateScalars): void {
    if (this.#liveUnknown) this.#findLive();
    for (const row of this.#gradientRows) {
      if (this.#live[row]) continue;
      this.#catchUpRow(row);
      this.#makeLive(row);
    }
    const { bank, parameter, gradient, moment1, moment2 } = this.#regions;
    for (const row of this.#liveRows) {
      const offset = row * this.#rowBytes;
      bank.kernels.adamw(
        parameter + offset,
        gradient + offset,
        moment1 + offset,
        moment2 + offset,
        this.#columns,
        clip,
        settings.beta1,
        settings.beta2,
        decay,
        stepSize,
        inverseRoot2,
        settings.epsilon,
      );
    }
    if (decay !== 1) this.#factors.push(decay);
  }

  #makeLive(row: number): void {
    this.#live[row] = 1;
    this.#liveRows.push(row);
  }

  #catchUpRow(row: number): void {
    const { bank, parameter } = this.#regions;
    const scratch = bank.scratch;
    for (let from = this.#applied[row]; from < this.#factors.length; from += SCRATCH_FLOATS) {
      const count = Math.min(SCRATCH_FLOATS, this.#factors.length - from);
      for (let i = 0; i < count; i++) scratch[i] = this.#factors[from + i]!;
      bank.kernels.decayRows(parameter + row * this.#rowBytes, this.#columns, 0, count);
    }
    this.#applied[row] = this.#factors.length;
  }
}
