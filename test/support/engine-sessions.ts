/**
 * Engine sessions on tiny models. Tests open one here, so that it is closed whatever happens, ask it for steps,
 * and read, copy and compare its tensors.
 */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { PackedBatch } from '#attune/engine/batch.js';
import type {
  Engine,
  EngineSession,
  SessionOptions,
  StepRequest,
  TensorKind,
  UpdateSettings,
} from '#attune/engine/engine.js';
import type { Gpt2Config } from '#attune/model/config.js';
import { gpt2Graphs } from '#attune/model/gpt2.js';
import type { Gpt2GraphOptions } from '#attune/model/gpt2.js';
import { parameterSpecs } from '#attune/model/parameters.js';
import { randomParameters } from './models.js';

/** What the next step depends on, and what a checkpoint holds. */
export const STATE_KINDS = ['parameter', 'moment1', 'moment2'] as const satisfies readonly TensorKind[];
export const TENSOR_KINDS = [...STATE_KINDS, 'gradient'] as const satisfies readonly TensorKind[];

export type Tensors = Map<string, Float32Array>;

export const UPDATE: UpdateSettings = {
  learningRate: 0.01,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.1,
  maxGradNorm: 1,
  step: 1,
};

/** One thread unless `threads` is given. */
export interface TestSessionOptions extends SessionOptions, Gpt2GraphOptions {
  /** Written before the session is used: these tensors, or random ones of this seed; absent: none. */
  readonly parameters?: number | ReadonlyMap<string, Float32Array>;
}

type Opener = Pick<Engine, 'open'>;

/** Opens a session, hands it to `use` and closes it. */
export async function withSession<T>(
  engine: Opener,
  config: Gpt2Config,
  options: TestSessionOptions,
  use: (session: EngineSession) => Promise<T>,
): Promise<T> {
  const session = await open(engine, config, options);
  try {
    return await use(session);
  } finally {
    await session.close();
  }
}

/** Opens a session that is closed when the test ends: for tests of several sessions. */
export async function openSession(
  t: TestContext,
  engine: Opener,
  config: Gpt2Config,
  options: TestSessionOptions,
): Promise<EngineSession> {
  const session = await open(engine, config, options);
  t.after(() => session.close());
  return session;
}

async function open(
  engine: Opener,
  config: Gpt2Config,
  { parameters, ...options }: TestSessionOptions,
): Promise<EngineSession> {
  const session = await engine.open(gpt2Graphs(config, options), { threads: 1, ...options });
  if (parameters === undefined) return session;
  try {
    const tensors = typeof parameters === 'number' ? randomParameters(config, parameters) : parameters;
    for (const [name, values] of tensors) await session.writeTensor('parameter', name, values);
    return session;
  } catch (error) {
    await session.close();
    throw error;
  }
}

/**
 * A step over micro-batches, each weighted to its mean. `firstPass` counts the forward passes before it, as the
 * trainer does: it decides the dropout masks.
 */
export function stepRequest(
  microBatches: readonly PackedBatch[],
  step: number,
  firstPass: number,
  update: Partial<UpdateSettings> = {},
): StepRequest {
  return {
    microBatches,
    lossWeights: microBatches.map(({ rows }) => 1 / rows),
    firstPass,
    update: { ...UPDATE, ...update, step },
  };
}

export async function tensorsOf(
  session: EngineSession,
  config: Gpt2Config,
  kind: TensorKind,
): Promise<Tensors> {
  const tensors: Tensors = new Map();
  for (const { name } of parameterSpecs(config)) tensors.set(name, await session.readTensor(kind, name));
  return tensors;
}

/** The tensors of several kinds, of all by default: for comparison bit for bit. */
export async function allTensors<Kind extends TensorKind = TensorKind>(
  session: EngineSession,
  config: Gpt2Config,
  kinds?: readonly Kind[],
): Promise<Record<Kind, Tensors>> {
  const all: Partial<Record<TensorKind, Tensors>> = {};
  for (const kind of kinds ?? TENSOR_KINDS) all[kind] = await tensorsOf(session, config, kind);
  return all as Record<Kind, Tensors>;
}

/** Writes parameters and moments, as resuming from a checkpoint does. */
export async function writeState(
  session: EngineSession,
  state: Readonly<Record<(typeof STATE_KINDS)[number], ReadonlyMap<string, Float32Array>>>,
): Promise<void> {
  for (const kind of STATE_KINDS)
    for (const [name, values] of state[kind]) await session.writeTensor(kind, name, values);
}

export const norm = (values: ArrayLike<number>): number =>
  Math.sqrt(Array.from(values).reduce((sum, value) => sum + value * value, 0));

/** Fails unless ||actual - expected|| <= relative ||expected|| + absolute, for each tensor. */
export function assertTensors(
  actual: ReadonlyMap<string, Float32Array>,
  expected: ReadonlyMap<string, Float32Array>,
  relative: number,
  absolute: number,
  what: string,
): void {
  assert.deepEqual([...actual.keys()], [...expected.keys()]);
  for (const [name, values] of actual) {
    const wanted = expected.get(name)!;
    const error = norm(values.map((value, i) => value - wanted[i]));
    const allowed = relative * norm(wanted) + absolute;
    assert.ok(error <= allowed, `${what} of ${name}: L2 difference ${error}, allowed ${allowed}`);
  }
}
