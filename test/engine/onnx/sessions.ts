/** Sessions on tiny models, and how their tensors are compared. */
import assert from 'node:assert/strict';
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
import { randomParameters } from '../../support/models.js';

export const KINDS = ['parameter', 'moment1', 'moment2', 'gradient'] as const satisfies readonly TensorKind[];

export const UPDATE: UpdateSettings = {
  learningRate: 0.01,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.1,
  maxGradNorm: 1,
  step: 1,
};

/** Opens a session with parameters drawn from `parameters`, hands it to `use` and closes it. */
export async function withSession<T>(
  engine: Engine,
  config: Gpt2Config,
  { parameters, ...options }: SessionOptions & Gpt2GraphOptions & { readonly parameters: number },
  use: (session: EngineSession) => Promise<T>,
): Promise<T> {
  const session = await engine.open(gpt2Graphs(config, options), { threads: 1, ...options });
  try {
    for (const [name, values] of randomParameters(config, parameters))
      await session.writeTensor('parameter', name, values);
    return await use(session);
  } finally {
    await session.close();
  }
}

/**
 * The step from 1 on over these micro-batches, each weighted to its mean; passes are counted as the trainer
 * counts them.
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
): Promise<Map<string, Float32Array>> {
  const tensors = new Map<string, Float32Array>();
  for (const { name } of parameterSpecs(config)) tensors.set(name, await session.readTensor(kind, name));
  return tensors;
}

/** Every tensor that a session keeps, of every kind: for comparison bit for bit. */
export async function everything(
  session: EngineSession,
  config: Gpt2Config,
): Promise<Record<string, Map<string, Float32Array>>> {
  const all: Record<string, Map<string, Float32Array>> = {};
  for (const kind of KINDS) all[kind] = await tensorsOf(session, config, kind);
  return all;
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
