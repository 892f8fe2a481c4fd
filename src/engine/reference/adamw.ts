/**
 * Clipping and AdamW as PyTorch computes them (clip_grad_norm_; Loshchilov and Hutter 2019, in the order of
 * torch.optim.AdamW), in float64.
 */
import type { UpdateSettings } from '../engine.js';
import { gradientNorm } from '../gradient-norm.js';

/** L2 norm over all gradients together. */
export function globalNorm(gradients: Iterable<Float64Array>): number {
  let sum = 0;
  for (const gradient of gradients) for (const value of gradient) sum += value * value;
  return gradientNorm(sum);
}

/** What the gradients are multiplied by before the update. */
export function clippingCoefficient(norm: number, maxGradNorm: number): number {
  return maxGradNorm > 0 ? Math.min(1, maxGradNorm / (norm + 1e-6)) : 1;
}

/** One parameter with all that AdamW keeps of it; every array in the shape of the parameter. */
export interface ParameterState {
  readonly parameter: Float64Array;
  readonly gradient: Float64Array;
  readonly moment1: Float64Array;
  readonly moment2: Float64Array;
}

/** Updates parameter and moments in place, with the gradient times `coefficient`. */
export function adamWStep(
  state: ParameterState,
  settings: UpdateSettings,
  decay: boolean,
  coefficient: number,
): void {
  const { learningRate, beta1, beta2, epsilon, weightDecay, step } = settings;
  const { parameter, gradient, moment1, moment2 } = state;
  const stepSize = learningRate / (1 - beta1 ** step);
  const correction2 = Math.sqrt(1 - beta2 ** step);
  const kept = decay ? 1 - learningRate * weightDecay : 1;
  for (let i = 0; i < parameter.length; i++) {
    const g = gradient[i] * coefficient;
    moment1[i] = beta1 * moment1[i] + (1 - beta1) * g;
    moment2[i] = beta2 * moment2[i] + (1 - beta2) * g * g;
    parameter[i] =
      parameter[i] * kept - (stepSize * moment1[i]) / (Math.sqrt(moment2[i]) / correction2 + epsilon);
  }
}
