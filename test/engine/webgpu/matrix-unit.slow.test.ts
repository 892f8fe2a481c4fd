/**
 * What subgroup matrices (tensor cores) compute, on a GPU that has them or on lavapipe of Mesa 26
 * (VK_ICD_FILENAMES). SwiftShader has none: there the engine must refuse. matrix-unit.test.ts compiles the kernels
 * everywhere.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { packRows } from '#attune/engine/batch.js';
import type { Engine } from '#attune/engine/engine.js';
import { referenceEngine } from '#attune/engine/reference/session.js';
import { matrixUnitOf } from '#attune/engine/webgpu/matrix-unit.js';
import type { MatrixUnit } from '#attune/engine/webgpu/matrix-unit.js';
import { findAdapter, matrixUnitEngine, webGpuEngine } from '#attune/engine/webgpu/node.js';
import { AttuneError } from '#attune/errors/attune-error.js';
import { allTensors, assertTensors, norm, stepRequest, withSession } from '../../support/engine-sessions.js';
import { tinyConfig } from '../../support/models.js';
import { refusal } from '../../support/refusal.js';
import { needsWebGpu } from '../../support/webgpu.js';

const noGpu = await needsWebGpu();
const found = noGpu ? undefined : await findAdapter(true);
const unit: MatrixUnit | undefined = found && 'adapter' in found ? matrixUnitOf(found.adapter) : undefined;
const skip = noGpu || (unit ? false : 'the adapter has no subgroup matrices');

const CONFIG = tinyConfig({ n_embd: 64, n_head: 4, n_positions: 200, resid_pdrop: 0.1 });
const ids = (length: number, first: number): Int32Array =>
  Int32Array.from({ length }, (_, i) => (first + 3 * i) % 10);
const BATCHES = [
  [5, 70, 1],
  [170, 130],
].map((lengths) =>
  packRows(
    lengths.map((length, r) => ({ ids: ids(length, r), blind: false })),
    lengths.map((_, r) => r % 3),
  ),
);

async function run(engine: Engine) {
  return withSession(engine, CONFIG, { seed: 3, parameters: 4 }, async (session) => {
    const results = [];
    // A learning rate of 0, so that both steps begin with the same numbers.
    for (const [i, batch] of BATCHES.entries())
      results.push(await session.step(stepRequest([batch], i + 1, i, { learningRate: 0 })));
    return { results, tensors: await allTensors(session, CONFIG), logits: await session.infer(BATCHES[1]) };
  });
}

describe('matrixUnitEngine', () => {
  it(
    'agrees with the reference engine, to its precision, on steps of fewer and more than 256 tokens',
    { skip, timeout: 300_000 },
    async () => {
      const [ours, plain, reference] = [
        await run(matrixUnitEngine),
        await run(webGpuEngine),
        await run(referenceEngine),
      ];
      // The 11 bits of float16 round to 5e-4 of a number. Operands in float32 lose nothing.
      const most = unit!.operands === 'f16' ? 5e-3 : 1e-4;
      for (const [i, { losses, gradNorm, updated }] of ours.results.entries()) {
        assert.ok(updated);
        assert.ok(
          Math.abs(losses[0] / reference.results[i].losses[0] - 1) < most,
          `loss ${i}: ${losses[0]} and ${reference.results[i].losses[0]}`,
        );
        assert.ok(
          Math.abs(gradNorm / reference.results[i].gradNorm - 1) < most,
          `norm ${i}: ${gradNorm} and ${reference.results[i].gradNorm}`,
        );
      }
      assertTensors(ours.tensors.gradient, reference.tensors.gradient, 2 * most, 1e-6, 'gradient');
      assert.ok(
        norm(ours.logits.map((value, i) => value - reference.logits[i])) < 2 * most * norm(reference.logits),
      );
      if (unit!.operands === 'f16')
        assert.notDeepEqual(ours.logits, plain.logits, 'subgroup matrices took part');
      assert.deepEqual(await run(matrixUnitEngine), ours, 'the same bits in a second run');
    },
  );

  it(
    'refuses an adapter without subgroup matrices',
    { skip: noGpu || (unit ? 'the adapter has subgroup matrices' : false) },
    async () => {
      await assert.rejects(
        withSession(matrixUnitEngine, CONFIG, { seed: 3, parameters: 4 }, () => Promise.resolve()),
        refusal(AttuneError, 'matrix-units-unavailable'),
      );
    },
  );
});
