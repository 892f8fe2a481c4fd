import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { ModelError } from '#attune/errors/attune-error.js';
import { parseConfig, readConfig } from '#attune/model/config.js';
import type { Gpt2Config } from '#attune/model/config.js';
import { initializeHead } from '#attune/model/head.js';
import { parameterSpecs } from '#attune/model/parameters.js';
import { SafetensorsFile } from '#attune/model/safetensors.js';
import { openWeights } from '#attune/model/weights.js';
import type { Weights } from '#attune/model/weights.js';
import { fixturePath } from '../support/fixtures.js';
import { folder } from '../support/folder.js';
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

async function assertRefused(opening: Promise<unknown>, ...parts: (RegExp | string)[]): Promise<ModelError> {
  let refusal: ModelError | undefined;
  await assert.rejects(opening, (error) => {
    assert.ok(error instanceof ModelError, String(error));
    for (const part of parts)
      assert.ok(
        typeof part === 'string' ? error.message.includes(part) : part.test(error.message),
        `"${error.message}" should say ${String(part)}`,
      );
    refusal = error;
    return true;
  });
  return refusal!;
}
const refuse = async (dir: string, ...parts: (RegExp | string)[]): Promise<ModelError> =>
  assertRefused(openWeights(dir, await readConfig(dir)), ...parts);

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
    const error = await refuse(dir, dir, 'lack transformer.wpe.weight, transformer.h.0.ln_2.bias');
    assert.doesNotMatch(error.message, /score/);
  });

  it('refuses a config with more layers than the weights', async (t) => {
    await refuse(modelFolder(t, tinyTensors(), { n_layer: 3 }), 'transformer.h.1.ln_1.weight', '24 in all');
  });

  it('refuses a parameter that occurs with and without the prefix', async (t) => {
    const tensors = tinyTensors();
    await refuse(
      modelFolder(t, tensors.set('wte.weight', tensors.get('transformer.wte.weight')!)),
      'both transformer.wte.weight and wte.weight',
    );
  });

  it('refuses a head for another number of labels and reports both shapes and a hint', async (t) => {
    const error = await refuse(
      modelFolder(t, tinyTensors(), { num_labels: 2 }),
      'size mismatch for score.weight: the file has [3, 4], the config asks for [2, 4]',
      'tells 3 labels apart, not 2',
    );
    assert.match(error.hint!, /3 labels/);
  });

  it('refuses an embedding with fewer or more rows than the vocabulary', async (t) => {
    await refuse(
      modelFolder(t, tinyTensors(), { vocab_size: 6 }),
      'transformer.wte.weight: the file has [5, 4], the config asks for [6, 4]',
      'fewer rows',
    );
    await refuse(
      modelFolder(t, tinyTensors(), { vocab_size: 4 }),
      'transformer.wte.weight: the file has [5, 4], the config asks for [4, 4]',
      'more rows',
    );
  });

  it('refuses any shape other than that of the config, including its transpose', async (t) => {
    await refuse(
      modelFolder(t, tinyTensors(), { n_positions: 9 }),
      'transformer.wpe.weight: the file has [3, 4], the config asks for [9, 4]',
    );
    const tensors = tinyTensors();
    const { values } = tensors.get('transformer.h.0.attn.c_attn.weight')!;
    await refuse(
      modelFolder(t, tensors.set('transformer.h.0.attn.c_attn.weight', { shape: [12, 4], values })),
      'the file has [12, 4], the config asks for [4, 12]',
    );
    const flat = tinyTensors();
    const wte = flat.get('transformer.wte.weight')!.values;
    await refuse(
      modelFolder(t, flat.set('transformer.wte.weight', { shape: [20], values: wte })),
      'the file has [20], the config asks for [5, 4]',
    );
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
    await refuse(dir, 'transformer.wte.weight is I8');
  });

  it('refuses a truncated file and names it', async (t) => {
    const dir = modelFolder(t, tinyTensors());
    const path = join(dir, 'model.safetensors');
    writeFileSync(path, readFileSync(path).subarray(0, -1));
    await refuse(dir, path, 'truncated');
  });

  it('refuses a folder with only pytorch_model.bin and explains how to convert it', async (t) => {
    const dir = folder(t, { 'pytorch_model.bin': '', 'config.json': JSON.stringify(CONFIG) });
    const error = await refuse(dir, 'pytorch_model.bin');
    assert.match(error.hint!, /save_file/);
  });

  it('refuses a folder that is missing or has no weights', async (t) => {
    const config = parseConfig(CONFIG, 'tiny');
    const empty = folder(t);
    await assertRefused(openWeights(empty, config), empty, 'model.safetensors');
    await assertRefused(openWeights(join(empty, 'absent'), config), 'absent');
  });
});

describe('Weights.read', () => {
  for (const bad of [NaN, Infinity, -Infinity]) {
    it(`refuses ${bad} and reports tensor and index`, async (t) => {
      const tensors = tinyTensors();
      tensors.get('transformer.h.0.mlp.c_fc.weight')!.values[2 * 16 + 5] = bad;
      const dir = modelFolder(t, tensors);
      const weights = await opened(t, dir);
      await assertRefused(
        weights.read('transformer.h.0.mlp.c_fc.weight'),
        join(dir, 'model.safetensors'),
        `transformer.h.0.mlp.c_fc.weight is ${bad} at [2, 5]`,
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
  const path = join(dir, 'model.safetensors.index.json');
  const index = JSON.parse(readFileSync(path, 'utf8')) as { weight_map: Record<string, unknown> };
  writeFileSync(path, JSON.stringify(change(index) ?? index));
  return dir;
}

describe('openWeights of a sharded model', () => {
  it('refuses a missing shard and names it', async (t) => {
    const dir = shards(t, () => undefined);
    rmSync(join(dir, 'model-00002-of-00003.safetensors'));
    await refuse(dir, 'model.safetensors.index.json', 'model-00002-of-00003.safetensors', 'missing');
  });

  it('refuses a tensor that is not in the shard listed in the index', async (t) => {
    const dir = shards(t, ({ weight_map }) => {
      weight_map['score.weight'] = 'model-00001-of-00003.safetensors';
    });
    await refuse(dir, 'tensor score.weight in model-00001-of-00003.safetensors, which does not hold it');
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
      await refuse(dir, 'score.weight', JSON.stringify(outside), 'not the name of a file');
    }
    const absolute = shards(t, ({ weight_map }) => {
      weight_map['score.weight'] = fixturePath('model/values.safetensors');
    });
    await refuse(absolute, dirname(fixturePath('model/values.safetensors')), 'not the name of a file');
  });

  it('refuses an index that is not JSON or has no weight_map', async (t) => {
    await refuse(
      shards(t, () => ({})),
      'no weight_map',
    );
    const dir = shards(t, () => undefined);
    writeFileSync(join(dir, 'model.safetensors.index.json'), '{');
    await refuse(dir, 'model.safetensors.index.json');
  });
});
