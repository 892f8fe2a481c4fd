/** Checked reading of a saved estimator's state: what a file holds is not trusted to fit together. */
import { ModelError } from '../errors/attune-error.js';
import type { EstimatorState } from './estimator.js';

export class StateReader {
  constructor(readonly state: EstimatorState) {}

  /** @throws ModelError naming setting and kind, as everything here */
  number(name: string): number {
    const value = this.state.settings[name];
    if (typeof value !== 'number' || !Number.isFinite(value))
      throw this.refusal(`the setting ${name} is ${JSON.stringify(value)}, not a number`);
    return value;
  }

  integer(name: string, min = 0): number {
    const value = this.number(name);
    if (!Number.isSafeInteger(value) || value < min)
      throw this.refusal(`the setting ${name} is ${value}, not a whole number from ${min}`);
    return value;
  }

  float64(name: string, length?: number): Float64Array {
    const array = this.#array(name, length);
    if (!(array instanceof Float64Array)) throw this.refusal(`the array ${name} is not of float64`);
    if (array.some((value) => !Number.isFinite(value)))
      throw this.refusal(`the array ${name} holds a number that is not finite`);
    return array;
  }

  float32(name: string, length?: number): Float32Array {
    const array = this.#array(name, length);
    if (!(array instanceof Float32Array)) throw this.refusal(`the array ${name} is not of float32`);
    if (array.some((value) => !Number.isFinite(value)))
      throw this.refusal(`the array ${name} holds a number that is not finite`);
    return array;
  }

  /** Whole numbers, each from `min` to `max`. */
  int32(name: string, length: number | undefined, min: number, max: number): Int32Array {
    const array = this.#array(name, length);
    if (!(array instanceof Int32Array)) throw this.refusal(`the array ${name} is not of int32`);
    const bad = array.findIndex((value) => value < min || value > max);
    if (bad >= 0)
      throw this.refusal(
        `the array ${name} holds ${array[bad]} at ${bad}, not a number from ${min} to ${max}`,
      );
    return array;
  }

  refusal(what: string): ModelError {
    return new ModelError(`the saved ${this.state.kind} is damaged: ${what}`, { hint: 'Save it again.' });
  }

  #array(name: string, length: number | undefined): Float32Array | Float64Array | Int32Array {
    const array = Object.hasOwn(this.state.arrays, name) ? this.state.arrays[name] : undefined;
    if (!array) throw this.refusal(`it has no array ${name}`);
    if (length !== undefined && array.length !== length)
      throw this.refusal(`the array ${name} has ${array.length} numbers, not ${length}`);
    return array;
  }
}
