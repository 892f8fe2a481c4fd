/**
 * The models that the benches time, and weights for them: untrained, because speed does not depend on what
 * the numbers are.
 */
import type { ParameterSpec } from '#attune/model/parameters.js';
import { elementCount } from '#attune/model/parameters.js';
import { Generator, normal } from '#attune/random/normal.js';

const DROPOUT = { embd_pdrop: 0.1, attn_pdrop: 0.1, resid_pdrop: 0.1 };
const gpt2 = (width: number, layers: number, heads: number): Record<string, unknown> => ({
  model_type: 'gpt2',
  vocab_size: 50257,
  n_positions: 1024,
  n_embd: width,
  n_layer: layers,
  n_head: heads,
  ...DROPOUT,
});

export const MODELS = {
  'gpt2-mini': {
    vocabulary: 'gpt2-mini',
    config: {
      model_type: 'gpt2',
      vocab_size: 8192,
      n_positions: 256,
      n_embd: 384,
      n_layer: 6,
      n_head: 6,
      ...DROPOUT,
    },
  },
  gpt2: { vocabulary: 'gpt2', config: gpt2(768, 12, 12) },
  'gpt2-medium': { vocabulary: 'gpt2', config: gpt2(1024, 24, 16) },
} as const;

export type ModelName = keyof typeof MODELS;

/** Values of GPT-2's initialisation for one parameter. */
export function randomTensor({ name, shape }: ParameterSpec, seed: number): Float32Array {
  const size = elementCount(shape);
  return shape.length > 1
    ? normal(size, 0, 0.02, new Generator(seed))
    : new Float32Array(size).fill(name.endsWith('weight') ? 1 : 0);
}
