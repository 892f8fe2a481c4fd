import type { ParameterSpec } from '../model/parameters.js';

/**
 * Names of the parameters in the order of the Trainer's optimizer: its group with weight decay and its group
 * without.
 */
export function parameterGroups(parameters: readonly ParameterSpec[]): readonly (readonly string[])[] {
  return [true, false].map((decay) =>
    parameters.filter((spec) => spec.decay === decay).map(({ name }) => name),
  );
}
