/**
 * Limited-memory BFGS for smooth convex functions (Liu and Nocedal 1989; Nocedal and Wright, Numerical
 * Optimization, algorithm 7.4), with a preconditioner in place of the scaled identity. Made to go down to the
 * last digits: near the minimum, where differences of the function drown in rounding, the line search looks
 * at slopes alone, which a convex function allows.
 */
import { TrainingError } from '../errors/attune-error.js';
import { factNumber } from '../errors/phrases/values.js';
import type { Pace } from '../pace.js';

export interface Objective {
  readonly size: number;
  /** The value at `point`; writes the gradient. */
  evaluate(point: Float64Array, gradient: Float64Array, pace: Pace): Promise<number>;
  /** In place: about the inverse Hessian times `vector`; symmetric and positive definite. */
  precondition(vector: Float64Array): void;
}

export interface Minimum {
  readonly point: Float64Array;
  readonly iterations: number;
  readonly evaluations: number;
  /** Largest absolute entry of the gradient. */
  readonly gradient: number;
}

const HISTORY = 20;
const MAX_TRIALS = 40;

/**
 * Minimises from zero until no entry of the gradient is larger than `tolerance`, or rounding stops all
 * progress.
 *
 * @throws TrainingError `fit-not-converged` if `maxIterations` were not enough, and what `pace` throws
 */
export async function minimise(
  objective: Objective,
  tolerance: number,
  maxIterations: number,
  pace: Pace,
): Promise<Minimum> {
  const { size } = objective;
  let point = new Float64Array(size);
  let gradient = new Float64Array(size);
  let value = await objective.evaluate(point, gradient, pace);
  let evaluations = 1;
  const steps: Float64Array[] = [];
  const changes: Float64Array[] = [];
  const inverses: number[] = [];
  for (let iteration = 0; ; iteration++) {
    if (pace.due) await pace.rest();
    const worst = largest(gradient);
    if (worst <= tolerance) return { point, iterations: iteration, evaluations, gradient: worst };
    if (iteration === maxIterations) {
      throw new TrainingError('fit-not-converged', {
        iterations: maxIterations,
        gradient: factNumber(worst),
      });
    }
    const history = { steps, changes, inverses };
    let direction = await twoLoops(objective, gradient, history, pace);
    let slope = dot(direction, gradient);
    if (!(slope < 0)) {
      // Rounding has spoilt the history.
      for (const list of [steps, changes, inverses]) list.length = 0;
      direction = await twoLoops(objective, gradient, history, pace);
      slope = dot(direction, gradient);
      if (!(slope < 0)) return { point, iterations: iteration, evaluations, gradient: worst };
    }
    const nextPoint = new Float64Array(size);
    const nextGradient = new Float64Array(size);
    let nextValue = value;
    let low = 0;
    let high = Infinity;
    let length = 1;
    let accepted = false;
    for (let trial = 0; trial < MAX_TRIALS; trial++) {
      along(point, length, direction, nextPoint);
      nextValue = await objective.evaluate(nextPoint, nextGradient, pace);
      evaluations++;
      const nextSlope = dot(direction, nextGradient);
      // The value may seem to rise by its own rounding; convexity and a slope that flattened say that it did
      // not.
      const noise = 1e-12 * Math.abs(value);
      const falls =
        nextValue <= value + 1e-4 * length * slope ||
        (nextValue <= value + noise && nextSlope <= -0.8 * slope);
      if (!falls || nextSlope > -0.9 * slope) high = length;
      else if (nextSlope < 0.9 * slope) low = length;
      else {
        accepted = true;
        break;
      }
      length = high === Infinity ? 2 * length : (low + high) / 2;
    }
    if (!accepted && !(largest(nextGradient) < worst))
      return { point, iterations: iteration, evaluations, gradient: worst };
    const step = difference(nextPoint, point);
    const change = difference(nextGradient, gradient);
    const curvature = dot(step, change);
    if (curvature > 0) {
      steps.push(step);
      changes.push(change);
      inverses.push(1 / curvature);
      if (steps.length > HISTORY) {
        steps.shift();
        changes.shift();
        inverses.shift();
      }
    }
    [point, gradient, value] = [nextPoint, nextGradient, nextValue];
  }
}

interface History {
  readonly steps: readonly Float64Array[];
  readonly changes: readonly Float64Array[];
  readonly inverses: readonly number[];
}

/** - H gradient, H the inverse Hessian that history and preconditioner make. */
async function twoLoops(
  objective: Objective,
  gradient: Float64Array,
  { steps, changes, inverses }: History,
  pace: Pace,
): Promise<Float64Array> {
  const direction = gradient.map((value) => -value);
  const factors = new Array<number>(steps.length);
  for (let m = steps.length - 1; m >= 0; m--) {
    if (pace.due) await pace.rest();
    factors[m] = inverses[m] * dot(steps[m], direction);
    addScaled(direction, -factors[m], changes[m]);
  }
  objective.precondition(direction);
  for (let m = 0; m < steps.length; m++) {
    if (pace.due) await pace.rest();
    addScaled(direction, factors[m] - inverses[m] * dot(changes[m], direction), steps[m]);
  }
  return direction;
}

// Loops over a vector are functions of their own: V8 compiles those of an async function worse.

function along(point: Float64Array, length: number, direction: Float64Array, target: Float64Array): void {
  for (let i = 0; i < target.length; i++) target[i] = point[i] + length * direction[i];
}

function difference(a: Float64Array, b: Float64Array): Float64Array {
  const result = new Float64Array(a.length);
  for (let i = 0; i < a.length; i++) result[i] = a[i] - b[i];
  return result;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

function addScaled(target: Float64Array, factor: number, source: Float64Array): void {
  for (let i = 0; i < target.length; i++) target[i] += factor * source[i];
}

function largest(values: Float64Array): number {
  let max = 0;
  for (let i = 0; i < values.length; i++) max = Math.max(max, Math.abs(values[i]));
  return max;
}
