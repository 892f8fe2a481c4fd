import { Generator, normal } from '../random/normal.js';

/**
 * The weight of a new classification head, [numLabels, nEmbd] row-major: N(0, initializerRange), the numbers
 * that transformers draws in `set_seed(seed)` followed by `from_pretrained(..., dtype=torch.float32)` of a
 * checkpoint that lacks nothing but `score.weight`. The head is then the first and only tensor drawn.
 */
export function initializeHead(
  numLabels: number,
  nEmbd: number,
  initializerRange: number,
  seed: number,
): Float32Array {
  return normal(numLabels * nEmbd, 0, initializerRange, new Generator(seed));
}
