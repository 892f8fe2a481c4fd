/**
 * The golden tests that every engine passes: a 2-layer GPT-2 on random token ids against what PyTorch and
 * transformers computed (test/fixtures/tiny-gpt2), through the interface that the trainer uses.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { packRows } from '#attune/engine/batch.js';
import type { EncodedRow, PackedBatch } from '#attune/engine/batch.js';
import type { Engine, EngineSession, StepResult } from '#attune/engine/engine.js';
import { readConfig } from '#attune/model/config.js';
import type { Gpt2Config } from '#attune/model/config.js';
import { attributionGraph, hiddenStatesGraph } from '#attune/model/gpt2.js';
import { parameterSpecs } from '#attune/model/parameters.js';
import { attributeTokens } from '#attune/train/attribution.js';
import { stepRequest, withSession } from './engine-sessions.js';
import { fixtureTensors } from './fixture-tensors.js';
import { fixtureJson, fixturePath } from './fixtures.js';
import { assertClose } from './numbers.js';

interface Golden {
  readonly row_input_ids: readonly (readonly number[])[];
  readonly row_labels: readonly number[];
  readonly logits: readonly (readonly number[])[];
  readonly loss: number;
  readonly grad_norm: number;
  readonly steps: readonly { readonly loss: number; readonly grad_norm: number; readonly lr: number }[];
}

const FIXTURE = 'tiny-gpt2';
const ROWS_PER_STEP = 4;

/** @param skip why the engine cannot run here */
export function describeGoldenTraining(engine: Engine, skip: string | false = false): void {
  describe(`${engine.name} engine, golden training`, { skip }, () => {
    it('computes the logits of transformers within 1e-5', () =>
      withModel(engine, async ({ session, golden, batch }) => {
        assertClose(await session.infer(batch(0)), golden.logits.flat(), 1e-5, 'logits');
      }));

    it('computes the loss of PyTorch within 1e-6 and every gradient within 1e-4', () =>
      withModel(engine, async ({ session, config, golden, batch }) => {
        const { losses, gradNorm } = await takeStep(session, batch(0), 0, 1);
        assertClose(losses, [golden.loss], 1e-6, 'loss');
        assertClose([gradNorm / golden.grad_norm], [1], 1e-5, 'relative gradient norm');
        const expected = await fixtureTensors(join(FIXTURE, 'grads.safetensors'));
        for (const { name } of parameterSpecs(config)) {
          assertRelativelyClose(
            await session.readTensor('gradient', name),
            expected.get(name)!,
            1e-4,
            `gradient of ${name}`,
          );
        }
      }));

    it('takes 20 AdamW steps with every loss and the final weights within 1e-4 of PyTorch', () =>
      withModel(engine, async ({ session, config, golden, batch }) => {
        assert.equal(golden.steps.length, 20);
        for (const [i, expected] of golden.steps.entries()) {
          const { losses, gradNorm, updated } = await takeStep(session, batch(i), expected.lr, i + 1);
          assert.ok(updated);
          assertClose(losses, [expected.loss], 1e-4, `loss of step ${i}`);
          assertClose([gradNorm / expected.grad_norm], [1], 1e-3, `relative gradient norm of step ${i}`);
        }
        const after = await fixtureTensors(join(FIXTURE, 'after20.safetensors'));
        for (const { name } of parameterSpecs(config))
          assertWeights(await session.readTensor('parameter', name), after.get(name)!, name, config.nEmbd);
      }));
  });
}

interface Explained {
  readonly rows: readonly number[];
  readonly means: readonly (readonly number[])[];
  readonly lastState: readonly number[];
  readonly attributions: readonly {
    readonly logits: readonly number[];
    readonly predicted: number;
    readonly scores: readonly number[];
  }[];
}

/** For engines that evaluate other graphs of the model: hidden states and attributions. */
export function describeExplanations(engine: Engine): void {
  const explained = fixtureJson(join(FIXTURE, 'explain.json')) as Explained;

  describe(`${engine.name} engine, golden explanations`, () => {
    it("computes transformers' mean hidden states within 1e-5, an empty row included", () =>
      withModel(engine, async ({ session, config, rows }) => {
        const batch = packRows(explained.rows.map((r) => rows[r]));
        const graph = hiddenStatesGraph(config);
        const states = (await session.evaluate!(graph, batch)).get('hidden')!;
        const width = config.nEmbd;
        const mean = (r: number): number[] => {
          const [first, end] = [batch.rowOffsets[r], batch.rowOffsets[r + 1]];
          return Array.from({ length: width }, (_, c) => {
            let sum = 0;
            for (let t = first; t < end; t++) sum += states[t * width + c];
            return sum / (end - first);
          });
        };
        assertClose(
          explained.rows.flatMap((_, r) => mean(r)),
          explained.means.flat(),
          1e-5,
          'mean hidden state',
        );
        assertClose(
          states.subarray((batch.rowOffsets[1] - 1) * width, batch.rowOffsets[1] * width),
          explained.lastState,
          1e-5,
          'last hidden state',
        );
        // The session runs a graph that it has already compiled on another batch.
        const single = (await session.evaluate!(graph, packRows([rows[explained.rows[0]]]))).get('hidden')!;
        assertClose(single, states.subarray(0, single.length), 1e-5, 'hidden states of a single row');
      }));

    it("computes the gradient times input of torch's autograd within 1e-5", () =>
      withModel(engine, async ({ session, config, rows }) => {
        const chosen = explained.rows.map((r) => rows[r]);
        const labels = explained.attributions.map(({ predicted }) => predicted);
        const scores = await attributeTokens(session, attributionGraph(config), chosen, labels, {
          batchRows: 3,
        });
        for (const [i, expected] of explained.attributions.entries())
          assertClose(scores[i], expected.scores, 1e-5, `scores of row ${explained.rows[i]}`);
      }));
  });
}

/**
 * The gradient of the keys' bias is zero in exact arithmetic (it shifts all scores of a query alike). PyTorch
 * has rounding noise there, which Adam divides by its own size; so that third is compared on its own,
 * absolutely.
 */
function assertWeights(actual: Float32Array, expected: Float32Array, name: string, c: number): void {
  if (!name.endsWith('attn.c_attn.bias')) return assertRelativelyClose(actual, expected, 1e-4, name);
  const withoutKeys = (values: Float32Array): Float32Array => values.filter((_, i) => i < c || i >= 2 * c);
  assertRelativelyClose(withoutKeys(actual), withoutKeys(expected), 1e-4, `${name}, queries and values`);
  assertClose(actual.subarray(c, 2 * c), expected.subarray(c, 2 * c), 5e-4, `${name}, keys`);
}

function assertRelativelyClose(
  actual: Float32Array,
  expected: Float32Array,
  tolerance: number,
  what: string,
): void {
  assert.equal(actual.length, expected.length, `${what}: length`);
  const norm = Math.sqrt(expected.reduce((sum, value) => sum + value ** 2, 0));
  const error = Math.sqrt(actual.reduce((sum, value, i) => sum + (value - expected[i]) ** 2, 0)) / norm;
  assert.ok(norm > 0 && error <= tolerance, `${what}: relative L2 difference ${error}, allowed ${tolerance}`);
}

function takeStep(
  session: EngineSession,
  batch: PackedBatch,
  learningRate: number,
  step: number,
): Promise<StepResult> {
  return session.step(stepRequest([batch], step, step - 1, { learningRate, weightDecay: 0.01 }));
}

interface GoldenModel {
  readonly session: EngineSession;
  readonly config: Gpt2Config;
  readonly golden: Golden;
  readonly rows: readonly EncodedRow[];
  /** Rows 4i to 4i + 3; row 6 is empty. */
  readonly batch: (i: number) => PackedBatch;
}

async function withModel(engine: Engine, use: (model: GoldenModel) => Promise<void>): Promise<void> {
  const golden = fixtureJson(join(FIXTURE, 'golden.json')) as Golden;
  const config = await readConfig(fixturePath(join(FIXTURE, 'model')));
  const rows = golden.row_input_ids.map((ids) => ({
    ids: Int32Array.from(ids.length > 0 ? ids : [config.padTokenId!]),
    blind: ids.length === 0,
  }));
  assert.deepEqual(
    rows.flatMap(({ blind }, i) => (blind ? [i] : [])),
    [6],
  );
  const batch = (i: number): PackedBatch => {
    const range = [i * ROWS_PER_STEP, (i + 1) * ROWS_PER_STEP] as const;
    return packRows(rows.slice(...range), golden.row_labels.slice(...range));
  };
  const parameters = await fixtureTensors(join(FIXTURE, 'model', 'model.safetensors'));
  await withSession(engine, config, { seed: 0, threads: undefined, parameters }, (session) =>
    use({ session, config, golden, rows, batch }),
  );
}
