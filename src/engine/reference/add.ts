import type { Kernel } from './kernel.js';

/** y = a + b, element by element. */
export const add: Kernel<'add'> = (_node, [a, b]) => [a.data.map((value, i) => value + b.data[i])];
