/** Checked reading of a saved estimator's state: what a file holds is not trusted to fit together. */
import { ModelError } from '../errors/attune-error.js';
import type { FactsOf } from '../errors/catalogue.js';
import type { Plain } from '../errors/wording.js';
import type { EstimatorState } from './estimator.js';

export class StateReader {
  constructor(readonly state: EstimatorState) {}

  /** @throws ModelError naming setting and kind, as everything here */
  number(name: string): number {
    const value = this.state.settings[name];
    if (typeof value !== 'number' || !Number.isFinite(value)) {
      const found = value as Plain; // settings are plain data: they are saved as JSON
      throw new ModelError('estimator-setting-not-number', {
        estimator: this.state.kind,
        setting: name,
        found,
      });
    }
    return value;
  }

  integer(name: string, min = 0): number {
    const value = this.number(name);
    if (!Number.isSafeInteger(value) || value < min) {
      const setting = { estimator: this.state.kind, setting: name, found: value };
      throw new ModelError('estimator-setting-not-whole', { ...setting, min });
    }
    return value;
  }

  float64(name: string, length?: number): Float64Array {
    const array = this.#array(name, length);
    if (!(array instanceof Float64Array))
      throw new ModelError('estimator-array-type', { ...this.#named(name), expected: 'float64' });
    this.#checkFinite(name, array);
    return array;
  }

  float32(name: string, length?: number): Float32Array {
    const array = this.#array(name, length);
    if (!(array instanceof Float32Array))
      throw new ModelError('estimator-array-type', { ...this.#named(name), expected: 'float32' });
    this.#checkFinite(name, array);
    return array;
  }

  /** Whole numbers, each from `min` to `max`. */
  int32(name: string, length: number | undefined, min: number, max: number): Int32Array {
    const array = this.#array(name, length);
    if (!(array instanceof Int32Array))
      throw new ModelError('estimator-array-type', { ...this.#named(name), expected: 'int32' });
    const index = array.findIndex((value) => value < min || value > max);
    if (index >= 0) {
      const value = { index, found: array[index], min, max };
      throw new ModelError('estimator-array-value', { ...this.#named(name), ...value });
    }
    return array;
  }

  /** The error for a state whose parts do not fit together. */
  unsound(fault: FactsOf<'estimator-state-unsound'>['fault']): ModelError {
    return new ModelError('estimator-state-unsound', { estimator: this.state.kind, fault });
  }

  #array(name: string, length: number | undefined): Float32Array | Float64Array | Int32Array {
    const array = Object.hasOwn(this.state.arrays, name) ? this.state.arrays[name] : undefined;
    if (!array) throw new ModelError('estimator-array-missing', this.#named(name));
    if (length !== undefined && array.length !== length) {
      const sizes = { found: array.length, expected: length };
      throw new ModelError('estimator-array-length', { ...this.#named(name), ...sizes });
    }
    return array;
  }

  #checkFinite(name: string, array: Float32Array | Float64Array): void {
    if (array.some((value) => !Number.isFinite(value)))
      throw new ModelError('estimator-array-not-finite', this.#named(name));
  }

  #named(array: string): { readonly estimator: string; readonly array: string } {
    return { estimator: this.state.kind, array };
  }
}
