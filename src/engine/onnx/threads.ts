/**
 * How many threads a model may be given so that one and two threads give the same bits.
 *
 * ONNX Runtime's Gemm (MLAS, sgemm.cpp) parts a product's columns among its threads in blocks of 16, and each
 * thread sums over K in strides: 128 where it has more than 64 columns, 256 and more where it has fewer.
 * Float32 sums in other strides are other sums, so a product gives other last bits where one thread has more
 * than 64 columns and each of two has 64 or fewer: from 65 to 144 columns. Such narrow models gain nothing
 * from a second thread; they get one. Products of up to 16 columns are one block and are never parted.
 */
import type { CoreModel } from './core.js';
import { gradientName } from '../../model/gpt2.js';

const BLOCK = 16;
/** Blocks of which each of two threads gets more than 64 columns. */
const ENOUGH = 10;

export function threadsFor(
  { parameters, training }: Pick<CoreModel, 'parameters' | 'training'>,
  wanted: number,
): number {
  // Tables are gathered from, not multiplied.
  const matrices = parameters.filter(
    ({ name, shape }) => shape.length === 2 && training.outputs.get(gradientName(name))?.kind === 'dense',
  );
  const blocks = matrices
    .flatMap(({ shape }) => shape)
    .map((columns) => Math.ceil(columns / BLOCK))
    .filter((count) => count > 1);
  return blocks.some((count) => count < ENOUGH) ? 1 : wanted;
}
