import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { adamWStep, clippingCoefficient, globalNorm } from '#attune/engine/reference/adamw.js';
import type { ParameterState } from '#attune/engine/reference/adamw.js';
import { assertClose } from '../../support/numbers.js';

/**
 * Three steps of torch.optim.AdamW (2.13, float64) with betas 0.8 and 0.95, eps 1e-3, weight decay 0.5 on `a`
 * and none on `b`, after clip_grad_norm_ to 1. The norms lie on both sides of 1, and the last gradients
 * differ in sign.
 */
const STEPS = [
  {
    learningRate: 0.1,
    a: [3, -1, 0],
    b: [0.5, 2],
    norm: 3.774917217635375,
    afterA: [0.8501256724728188, -1.80037607218004, 0.475],
    afterB: [0.20074932635213183, -0.09981160966816606],
  },
  {
    learningRate: 0.05,
    a: [0.1, 0.2, -0.1],
    b: [0, 0.3],
    norm: 0.3872983346207417,
    afterA: [0.7923955028883598, -1.7539563740559154, 0.5013803488034859],
    afterB: [0.1692522241638937, -0.14671649309118798],
  },
  {
    learningRate: 0.2,
    a: [-1, 0.5, 2],
    b: [0.25, -0.5],
    norm: 2.358495283014151,
    afterA: [0.6870524607404914, -1.6515214667917573, 0.3269312306697404],
    afterB: [0.010365043388189027, -0.22852391180501708],
  },
] as const;

const stateOf = (...values: number[]): ParameterState => ({
  parameter: Float64Array.from(values),
  gradient: new Float64Array(values.length),
  moment1: new Float64Array(values.length),
  moment2: new Float64Array(values.length),
});

describe('adamWStep', () => {
  it('takes three clipped steps as PyTorch does', () => {
    const a = stateOf(1, -2, 0.5);
    const b = stateOf(0.3, 0);
    for (const [i, expected] of STEPS.entries()) {
      a.gradient.set(expected.a);
      b.gradient.set(expected.b);
      const norm = globalNorm([a.gradient, b.gradient]);
      assertClose([norm], [expected.norm], 1e-15, 'norm');
      const settings = {
        learningRate: expected.learningRate,
        beta1: 0.8,
        beta2: 0.95,
        epsilon: 1e-3,
        weightDecay: 0.5,
        maxGradNorm: 1,
        step: i + 1,
      };
      const coefficient = clippingCoefficient(norm, settings.maxGradNorm);
      adamWStep(a, settings, true, coefficient);
      adamWStep(b, settings, false, coefficient);
      assertClose(a.parameter, expected.afterA, 1e-14, `a after step ${i + 1}`);
      assertClose(b.parameter, expected.afterB, 1e-14, `b after step ${i + 1}`);
    }
    assertClose(a.moment1, [0.032924263629766214, 0.040491877864322574, 0.1535995888909357], 1e-15);
    assertClose(a.moment2, [0.03796374132282916, 0.007313854094549354, 0.036430025689968046], 1e-15);
    assertClose(b.moment1, [0.03815395829057264, 0.07341614149408876], 1e-15);
    assertClose(b.moment2, [0.0013534635236373382, 0.019188849061328405], 1e-15);
  });
});

describe('clippingCoefficient', () => {
  it('scales gradients down, never up, and not at all if clipping is off', () => {
    assert.equal(clippingCoefficient(0.5, 1), 1);
    assert.equal(clippingCoefficient(4, 2), 2 / (4 + 1e-6));
    assert.equal(clippingCoefficient(1e9, 0), 1);
  });
});
