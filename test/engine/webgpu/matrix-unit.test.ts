/**
 * Subgroup matrices (tensor cores): which of an adapter's configurations is taken, and that the kernels compile
 * for each. Dawn's null backend has all features and checks shaders, but computes nothing.
 */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { openDevice } from '#attune/engine/webgpu/gpu.js';
import { lowerToWgsl } from '#attune/engine/webgpu/lowering.js';
import { featuresOf, matrixUnitOf, shareOf } from '#attune/engine/webgpu/matrix-unit.js';
import type { AdapterFacts, MatrixUnit } from '#attune/engine/webgpu/matrix-unit.js';
import { requiredUnit } from '#attune/engine/webgpu/node.js';
import { AttuneError } from '#attune/errors/attune-error.js';
import { gpt2Graphs } from '#attune/model/gpt2.js';
import { tinyConfig } from '../../support/models.js';
import { refusal } from '../../support/refusal.js';

const FEATURES = ['subgroups', 'shader-f16', 'chromium-experimental-subgroup-matrix'];
const configuration = (
  componentType: string,
  resultComponentType: string,
  M: number,
  N: number,
  K: number,
) => ({ componentType, resultComponentType, M, N, K });

const adapter = (
  subgroupMinSize: number,
  subgroupMaxSize: number,
  subgroupMatrixConfigs: readonly ReturnType<typeof configuration>[],
  features = FEATURES,
): AdapterFacts => ({
  features: new Set(features),
  info: { subgroupMinSize, subgroupMaxSize, subgroupMatrixConfigs },
});

const NVIDIA = adapter(32, 32, [
  configuration('f16', 'f16', 16, 16, 16),
  configuration('f16', 'f32', 16, 16, 16),
  configuration('i8', 'i32', 16, 16, 32),
]);
const APPLE = adapter(4, 64, [configuration('f32', 'f32', 8, 8, 8), configuration('f16', 'f16', 8, 8, 8)]);
const INTEL = adapter(8, 32, [configuration('f16', 'f32', 8, 16, 16)]);
const LAVAPIPE = adapter(8, 8, [configuration('f16', 'f16', 8, 8, 8), configuration('f16', 'f32', 8, 8, 8)]);

describe('matrixUnitOf', () => {
  it('prefers operands in float32 to float16, and takes only sums in float32', () => {
    const described = (facts: AdapterFacts): string | undefined => {
      const unit = matrixUnitOf(facts);
      return unit && `${unit.operands} ${unit.m} ${unit.n} ${unit.k}, subgroups of ${unit.subgroup}`;
    };
    assert.equal(described(NVIDIA), 'f16 16 16 16, subgroups of 32');
    assert.equal(described(APPLE), 'f32 8 8 8, subgroups of 32');
    assert.equal(described(INTEL), 'f16 8 16 16, subgroups of 32');
    assert.equal(described(LAVAPIPE), 'f16 8 8 8, subgroups of 8');
    assert.equal(
      described(
        adapter(32, 32, [configuration('f16', 'f32', 16, 8, 8), configuration('f16', 'f32', 16, 16, 16)]),
      ),
      'f16 16 16 16, subgroups of 32',
    );
  });

  it('takes no float16 without shader-f16, and no size that the tile is not a multiple of', () => {
    const withoutF16 = FEATURES.filter((feature) => feature !== 'shader-f16');
    assert.equal(
      matrixUnitOf(adapter(32, 32, [configuration('f16', 'f32', 16, 16, 16)], withoutF16)),
      undefined,
    );
    assert.equal(matrixUnitOf(adapter(32, 32, [configuration('f16', 'f32', 48, 16, 16)])), undefined);
  });
});

describe('requiredUnit', () => {
  const required = (facts: AdapterFacts, ...matrixUnits: string[]): MatrixUnit =>
    requiredUnit(facts, { name: 'A card', matrixUnits });

  it('refuses an adapter without a suitable configuration, and lists those that it has', () => {
    assert.throws(
      () => required(adapter(32, 32, [])),
      refusal(AttuneError, 'matrix-units-unavailable', { adapter: 'A card', units: [] }),
    );
    const unit = 'i8 x i8 -> i32 16x16x32';
    assert.throws(
      () => required(adapter(32, 32, [configuration('i8', 'i32', 16, 16, 32)]), unit),
      refusal(AttuneError, 'matrix-units-unavailable', { adapter: 'A card', units: [unit] }),
    );
  });

  it('accepts an adapter with a suitable configuration', () => {
    assert.deepEqual(required(NVIDIA), matrixUnitOf(NVIDIA));
  });
});

// The adapter of the null backend lists no configurations, so Dawn compares with none, and has subgroups of up to
// 128.
const { create, globals } = await import('webgpu');
Object.assign(globalThis, globals);
const nothing = create(['backend=null', 'enable-dawn-features=allow_unsafe_apis']);
const UNITS: readonly MatrixUnit[] = [NVIDIA, APPLE, INTEL, LAVAPIPE].map((facts) => matrixUnitOf(facts)!);

describe('lowerToWgsl with subgroup matrices', () => {
  const devices: GPUDevice[] = [];
  after(() => {
    for (const device of devices) device.destroy();
  });

  for (const unit of [...UNITS, { ...UNITS[3], subgroup: 4 }, { ...UNITS[0], subgroup: 64 }]) {
    it(`writes kernels of a training step that compile for ${JSON.stringify(unit)}`, async () => {
      assert.ok(shareOf(unit));
      const found = await nothing.requestAdapter();
      assert.ok(found && featuresOf(unit).every((feature) => found.features.has(feature)));
      const { device, pipelines } = await openDevice(found, [], unit);
      devices.push(device);
      const dropout = { embd_pdrop: 0.1, attn_pdrop: 0.1, resid_pdrop: 0.1 };
      const { training, inference } = gpt2Graphs(tinyConfig({ n_embd: 64, n_head: 4, ...dropout }));
      const kernels = [training, inference]
        .flatMap((graph) => lowerToWgsl(graph, unit))
        .filter(({ label }) => label.includes('on units'));
      for (const form of ['NN', 'NT', 'TN'])
        assert.ok(
          kernels.some(({ label }) => label.startsWith(`matmul on units ${form}`)),
          form,
        );
      assert.ok(
        kernels.some(({ label }) => label.endsWith('gelu')) &&
          kernels.some(({ label }) => label.endsWith('dropout, add')),
      );
      await pipelines.prepare(kernels);
      const broken = {
        label: 'broken',
        code: kernels[0].code.replace('subgroup_matrix_left<', 'subgroup_matrix_right<'),
      };
      device.pushErrorScope('validation');
      await assert.rejects(pipelines.prepare([broken]), 'a wrong kernel is found');
      await device.popErrorScope();
    });
  }
});
