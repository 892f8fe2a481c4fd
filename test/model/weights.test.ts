import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { ModelError } from '#attune/errors/attune-error.js';
import type { FactsOf } from '#attune/errors/catalogue.js';
import type { MODEL_ERRORS } from '#attune/errors/codes/model-errors.js';
import type { WEIGHTS_ERRORS } from '#attune/errors/codes/weights-errors.js';
import { parseConfig, readConfig } from '#attune/model/config.js';
import type { Gpt2Config } from '#attune/model/config.js';
import { initializeHead } from '#attune/model/head.js';
import { parameterSpecs } from '#attune/model/parameters.js';
import { SafetensorsFile } from '#attune/model/safetensors.js';
import { openWeights } from '#attune/model/weights.js';
import type { Weights } from '#attune/model/weights.js';
import { fixturePath } from '../support/fixtures.js';
import { folder } from '../support/folder.js';
import { refusal } from '../support/refusal.js';
import { float32File, safetensorsBytes } from '../support/safetensors.js';
import type { Float32Tensor } from '../support/safetensors.js';

async function opened(t: TestContext, dir: string, config?: Gpt2Config): Promise<Weights> {
  const weights = await openWeights(dir, config ?? (await readConfig(dir)));
  t.after(() => weights.close());
  return weights;
}

async function tensorsOf(name: string): Promise<Map<string, Float32Tensor>> {
  const file = await SafetensorsFile.open(fixturePath(name));
  const tensors = new Map<string, Float32Tensor>();
  for (const [key, { shape }] of file.tensors) tensors.set(key, { shape, values: await file.read(key) });
  await file.close();
  return tensors;
}

const CONFIG = {
  model_type: 'gpt2',
  vocab_size: 5,
  n_positions: 3,
  n_embd: 4,
  n_layer: 1,
  n_head: 2,
  num_labels: 3,
};

/** The tensors of a tiny classifier; all numbers differ. */
function tinyTensors(changes: object = {}): Map<string, Float32Tensor> {
  const specs = parameterSpecs(parseConfig({ ...CONFIG, ...changes }, 'tiny'));
  return new Map(
    specs.map(({ name, shape }, i) => [
      name,
      { shape, values: initializeHead(shape[0], shape[1] ?? 1, 1, i) },
    ]),
  );
}

/** A model folder of these tensors and fields of the config. */
function modelFolder(
  t: TestContext,
  tensors: ReadonlyMap<string, Float32Tensor>,
  changes: object = {},
): string {
  return folder(t, {
    'config.json': JSON.stringify({ ...CONFIG, ...changes }),
    'model.safetensors': float32File(tensors),
  });
}

type WeightsCode = keyof typeof MODEL_ERRORS | keyof typeof WEIGHTS_ERRORS;

async function refuse<Code extends WeightsCode>(
  dir: string,
  code: Code,
  facts: Partial<FactsOf<Code>>,
): Promise<void> {
  await assert.rejects(openWeights(dir, await readConfig(dir)), refusal(ModelError, code, facts));
}

const INDEX = 'model.safetensors.index.json';

describe('openWeights', () => {
  for (const [saved, values] of [
    ['saved-f32', 'values'],
    ['saved-bf16', 'values'],
    ['saved-f16', 'values-f16'],
    ['saved-f16-shards', 'values-f16'],
  ] as const) {
    it(`loads every tensor of a classifier saved by transformers: ${saved}`, async (t) => {
      const dir = fixturePath(`model/${saved}`);
      const golden = await tensorsOf(`model/${values}.safetensors`);
      const weights = await opened(t, dir);
      assert.deepEqual([weights.missing, weights.unexpected], [[], []]);
      const specs = parameterSpecs(await readConfig(dir));
      assert.equal(specs.length, golden.size);
      for (const { name } of specs)
        assert.deepEqual(await weights.read(name), golden.get(name)?.values, name);
    });
  }

  it('reports a missing head for a bare model with mask buffers and a language-model head', async (t) => {
    const golden = await tensorsOf('model/values-f16.safetensors');
    const weights = await opened(t, fixturePath('model/saved-bare'));
    assert.deepEqual([weights.missing, weights.unexpected], [['score.weight'], []]);
    for (const [name, { values }] of golden) {
      if (name !== 'score.weight') assert.deepEqual(await weights.read(name), values, name);
    }
    await assert.rejects(weights.read('score.weight'), RangeError);
  });

  it('lists unexpected tensors in order without reading them', async (t) => {
    const extra: Float32Tensor = { shape: [1], values: Float32Array.of(NaN) };
    const weights = await opened(
      t,
      modelFolder(
        t,
        tinyTensors()
          .set('z', extra)
          .set('transformer.h.0.crossattention.bias', extra)
          .set('h.0.attn.bias', extra),
      ),
    );
    assert.deepEqual(weights.unexpected, ['transformer.h.0.crossattention.bias', 'z']);
  });

  it('refuses missing parameters other than the head and lists all of them', async (t) => {
    const tensors = tinyTensors();
    tensors.delete('transformer.h.0.ln_2.bias');
    tensors.delete('transformer.wpe.weight');
    tensors.delete('score.weight');
    const dir = modelFolder(t, tensors);
    await refuse(dir, 'weights-incomplete', {
      folder: dir,
      missing: ['transformer.wpe.weight', 'transformer.h.0.ln_2.bias'],
    });
  });

  it('refuses a config with more layers than the weights', async (t) => {
    const missing = parameterSpecs(parseConfig({ ...CONFIG, n_layer: 3 }, 'tiny'))
      .map(({ name }) => name)
      .filter((name) => /\.h\.[12]\./.test(name));
    assert.equal(missing.length, 24);
    await refuse(modelFolder(t, tinyTensors(), { n_layer: 3 }), 'weights-incomplete', { missing });
  });

  it('refuses a parameter that occurs with and without the prefix', async (t) => {
    const tensors = tinyTensors();
    const dir = modelFolder(t, tensors.set('wte.weight', tensors.get('transformer.wte.weight')!));
    await refuse(dir, 'weights-name-twice', {
      folder: dir,
      names: ['transformer.wte.weight', 'wte.weight'],
    });
  });

  it('refuses a head for another number of labels and reports both shapes', async (t) => {
    const dir = modelFolder(t, tinyTensors(), { num_labels: 2 });
    await refuse(dir, 'weights-label-count', {
      file: join(dir, 'model.safetensors'),
      tensor: 'score.weight',
      found: [3, 4],
      expected: [2, 4],
    });
  });

  it('refuses an embedding with fewer or more rows than the vocabulary', async (t) => {
    const tensor = 'transformer.wte.weight';
    for (const rows of [6, 4])
      await refuse(modelFolder(t, tinyTensors(), { vocab_size: rows }), 'weights-vocabulary-size', {
        tensor,
        found: [5, 4],
        expected: [rows, 4],
      });
  });

  it('refuses any shape other than that of the config, including its transpose', async (t) => {
    await refuse(modelFolder(t, tinyTensors(), { n_positions: 9 }), 'weights-shape', {
      tensor: 'transformer.wpe.weight',
      found: [3, 4],
      expected: [9, 4],
    });
    for (const [tensor, found, expected] of [
      ['transformer.h.0.attn.c_attn.weight', [12, 4], [4, 12]],
      ['transformer.wte.weight', [20], [5, 4]],
    ] as const) {
      const tensors = tinyTensors();
      const { values } = tensors.get(tensor)!;
      const dir = modelFolder(t, tensors.set(tensor, { shape: found, values }));
      await refuse(dir, 'weights-shape', { tensor, found, expected });
    }
  });

  it('refuses an integer tensor in place of a parameter', async (t) => {
    const header = Object.fromEntries(
      parameterSpecs(parseConfig(CONFIG, 'tiny')).map(({ name }) => [
        name,
        { dtype: 'I8', shape: [0], data_offsets: [0, 0] },
      ]),
    );
    const dir = folder(t, {
      'config.json': JSON.stringify(CONFIG),
      'model.safetensors': safetensorsBytes(header),
    });
    await refuse(dir, 'tensor-type-unsupported', { tensor: 'transformer.wte.weight', dtype: 'I8' });
  });

  it('refuses a truncated file and names it', async (t) => {
    const dir = modelFolder(t, tinyTensors());
    const path = join(dir, 'model.safetensors');
    writeFileSync(path, readFileSync(path).subarray(0, -1));
    await refuse(dir, 'safetensors-tensor-truncated', { file: path });
  });

  it('refuses a folder with only pytorch_model.bin and explains how to convert it', async (t) => {
    const dir = folder(t, { 'pytorch_model.bin': '', 'config.json': JSON.stringify(CONFIG) });
    await refuse(dir, 'model-weights-pickled', { folder: dir, name: 'pytorch_model.bin' });
  });

  it('refuses a folder that is missing or has no weights', async (t) => {
    const config = parseConfig(CONFIG, 'tiny');
    const empty = folder(t);
    const names = ['model.safetensors', INDEX];
    await assert.rejects(
      openWeights(empty, config),
      refusal(ModelError, 'model-weights-missing', { folder: empty, names }),
    );
    const absent = join(empty, 'absent');
    await assert.rejects(
      openWeights(absent, config),
      refusal(ModelError, 'model-folder-unreadable', { folder: absent }),
    );
  });
});

describe('Weights.read', () => {
  for (const bad of [NaN, Infinity, -Infinity]) {
    it(`refuses ${bad} and reports tensor and index`, async (t) => {
      const tensors = tinyTensors();
      tensors.get('transformer.h.0.mlp.c_fc.weight')!.values[2 * 16 + 5] = bad;
      const dir = modelFolder(t, tensors);
      const weights = await opened(t, dir);
      const tensor = 'transformer.h.0.mlp.c_fc.weight';
      await assert.rejects(
        weights.read(tensor),
        refusal(ModelError, 'weights-not-finite', {
          file: join(dir, 'model.safetensors'),
          tensor,
          value: String(bad),
          index: [2, 5],
        }),
      );
      assert.equal((await weights.read('transformer.h.0.mlp.c_fc.bias')).length, 16);
    });
  }

  it('accepts the largest and the smallest float32 numbers', async (t) => {
    const tensors = tinyTensors();
    tensors
      .get('transformer.ln_f.bias')!
      .values.set([3.4028234663852886e38, -3.4028234663852886e38, 1.401298464324817e-45, -0]);
    const weights = await opened(t, modelFolder(t, tensors));
    assert.deepEqual(
      await weights.read('transformer.ln_f.bias'),
      tensors.get('transformer.ln_f.bias')!.values,
    );
  });
});

/** The sharded fixture, with its index changed. */
function shards(t: TestContext, change: (index: { weight_map: Record<string, unknown> }) => unknown): string {
  const dir = folder(t);
  cpSync(fixturePath('model/saved-f16-shards'), dir, { recursive: true });
  const path = join(dir, INDEX);
  const index = JSON.parse(readFileSync(path, 'utf8')) as { weight_map: Record<string, unknown> };
  writeFileSync(path, JSON.stringify(change(index) ?? index));
  return dir;
}

describe('openWeights of a sharded model', () => {
  it('refuses a missing shard and names it', async (t) => {
    const dir = shards(t, () => undefined);
    const shard = 'model-00002-of-00003.safetensors';
    rmSync(join(dir, shard));
    await refuse(dir, 'shard-missing', { file: join(dir, INDEX), shard });
  });

  it('refuses a tensor that is not in the shard listed in the index', async (t) => {
    const shard = 'model-00001-of-00003.safetensors';
    const dir = shards(t, ({ weight_map }) => {
      weight_map['score.weight'] = shard;
    });
    const file = join(dir, INDEX);
    await refuse(dir, 'shard-without-tensor', { file, tensor: 'score.weight', shard });
  });

  it('refuses a shard outside the folder, even if it exists', async (t) => {
    for (const outside of [
      '../other/model.safetensors',
      'sub/model.safetensors',
      '..\\other\\model.safetensors',
      'C:model.safetensors',
      '..',
      '.',
      '',
      'a\0b',
      7,
      null,
    ]) {
      const dir = shards(t, ({ weight_map }) => {
        weight_map['score.weight'] = outside;
      });
      mkdirSync(join(dir, 'sub'));
      cpSync(join(dir, 'model-00003-of-00003.safetensors'), join(dir, 'sub', 'model.safetensors'));
      const file = join(dir, INDEX);
      await refuse(dir, 'shard-name-invalid', { file, tensor: 'score.weight', shard: outside });
    }
    const absolute = fixturePath('model/values.safetensors');
    const dir = shards(t, ({ weight_map }) => {
      weight_map['score.weight'] = absolute;
    });
    await refuse(dir, 'shard-name-invalid', { tensor: 'score.weight', shard: absolute });
  });

  it('refuses an index that is not JSON or has no weight_map', async (t) => {
    const empty = shards(t, () => ({}));
    await refuse(empty, 'shards-without-map', { file: join(empty, INDEX) });
    const dir = shards(t, () => undefined);
    writeFileSync(join(dir, INDEX), '{');
    await refuse(dir, 'shards-unreadable', { file: join(dir, INDEX) });
  });
});
