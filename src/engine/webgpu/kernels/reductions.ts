/**
 * Reductions over the threads of a workgroup, in a fixed order, so that runs repeat bit for bit. Every thread
 * must call them, and gets the result.
 */

/**
 * WGSL of `reduceSum(value, thread)` and `reduceMax(value, thread)` for workgroups of `threads` threads, a
 * power of two.
 */
export function reductions(threads: number): string {
  const reduce = (name: string, combine: (a: string, b: string) => string): string => `
fn ${name}(value: f32, thread: u32) -> f32 {
  workgroupBarrier();
  partial[thread] = value;
  workgroupBarrier();
  for (var half = ${threads / 2}u; half > 0u; half >>= 1u) {
    if (thread < half) { partial[thread] = ${combine('partial[thread]', 'partial[thread + half]')}; }
    workgroupBarrier();
  }
  return partial[0];
}
`;
  const reduceSum = reduce('reduceSum', (a, b) => `${a} + ${b}`);
  const reduceMax = reduce('reduceMax', (a, b) => `max(${a}, ${b})`);
  return `
var<workgroup> partial: array<f32, ${threads}>;${reduceSum}${reduceMax}`;
}
