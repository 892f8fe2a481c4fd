/**
 * The tanh form of GELU (Hendrycks and Gimpel 2016), transformers' gelu_new: y = x / 2 * (1 + tanh(u)), u =
 * sqrt(2 / pi) * (x + 0.044715 x^3).
 */
import type { Kernel } from './kernel.js';

const ROOT = Math.sqrt(2 / Math.PI);
const CUBIC = 0.044715;

export const gelu: Kernel<'gelu'> = (_node, [x]) => [
  x.data.map((v) => 0.5 * v * (1 + Math.tanh(ROOT * (v + CUBIC * v ** 3)))),
];

/** dy/dx = (1 + tanh u) / 2 + x / 2 * (1 - tanh(u)^2) * du/dx */
export const geluGrad: Kernel<'geluGrad'> = (_node, [dy, x]) => [
  x.data.map((v, i) => {
    const tanh = Math.tanh(ROOT * (v + CUBIC * v ** 3));
    return dy.data[i] * (0.5 * (1 + tanh) + 0.5 * v * (1 - tanh * tanh) * ROOT * (1 + 3 * CUBIC * v * v));
  }),
];
