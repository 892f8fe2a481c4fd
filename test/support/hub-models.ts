/** Tiny models in the layouts that GPT-2s have on the Hub. */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { parseConfig } from '#attune/model/config.js';
import { parameterSpecs } from '#attune/model/parameters.js';
import { SafetensorsFile } from '#attune/model/safetensors.js';
import { writeSafetensors } from '#attune/model/safetensors-writer.js';
import { writeTinyModel } from './cli.js';
import { filesIn } from './hub-server.js';
import type { HubFiles } from './hub-server.js';
import { folder } from './folder.js';

/** What every GPT-2 on the Hub has beside what is needed, and nobody should download. */
const EXTRA: HubFiles = {
  '.gitattributes': '*.bin filter=lfs\n',
  'README.md': '# a model\n',
  'generation_config.json': '{"_from_model_config": true}',
  'pytorch_model.bin': new Uint8Array(3000),
  'flax_model.msgpack': 'x',
  'onnx/decoder_model.onnx': 'x',
};

/** What the config of a classifier says beyond that of a language model. */
const CLASSIFIER = { id2label: { 0: 'bad', 1: 'good' }, label2id: { bad: 0, good: 1 }, pad_token_id: 8191 };

export type HubLayout = 'prefixed' | 'openai-community/gpt2' | 'distilgpt2' | 'sharded';

/**
 * The same weights, tokenizer and config in one of the layouts: `prefixed`, as GPT2ForSequenceClassification
 * without its head saves them; `openai-community/gpt2`, bare names and causal masks; `distilgpt2`, prefixed
 * names, masks and the language model's head; `sharded`.
 */
export async function hubModel(
  t: TestContext,
  layout: HubLayout,
  { head = false }: { head?: boolean } = {},
): Promise<HubFiles> {
  const dir = join(folder(t), 'model');
  mkdirSync(dir);
  await writeTinyModel(dir, head ? { n_layer: 2, ...CLASSIFIER } : { n_layer: 2 }, head);
  if (layout !== 'prefixed') await rewrite(dir, layout);
  writeFileSync(join(dir, 'tokenizer_config.json'), '{"model_max_length": 64}');
  return { ...EXTRA, ...filesIn(dir) };
}

async function rewrite(dir: string, layout: Exclude<HubLayout, 'prefixed'>): Promise<void> {
  const original = join(dir, 'original.safetensors');
  cpSync(join(dir, 'model.safetensors'), original);
  rmSync(join(dir, 'model.safetensors'));
  const file = await SafetensorsFile.open(original);
  try {
    const tensors = new Map(
      [...file.tensors].map(([name, { shape }]) => [name, { shape, read: () => file.read(name) }]),
    );
    if (layout === 'sharded') return await writeShards(dir, tensors);
    const { nLayer, nPositions } = parseConfig(
      JSON.parse(readFileSync(join(dir, 'config.json'), 'utf8')),
      'config',
    );
    const mask = Float32Array.from({ length: nPositions ** 2 }, (_, i) =>
      i % nPositions <= Math.floor(i / nPositions) ? 1 : 0,
    );
    for (let layer = 0; layer < nLayer; layer++) {
      tensors.set(`transformer.h.${layer}.attn.bias`, {
        shape: [1, 1, nPositions, nPositions],
        read: () => Promise.resolve(mask),
      });
      if (layout === 'distilgpt2')
        tensors.set(`transformer.h.${layer}.attn.masked_bias`, {
          shape: [1],
          read: () => Promise.resolve(Float32Array.of(-1e4)),
        });
    }
    if (layout === 'distilgpt2') tensors.set('lm_head.weight', tensors.get('transformer.wte.weight')!);
    const named = new Map(
      [...tensors].map(([name, tensor]) => [
        layout === 'openai-community/gpt2' ? name.replace(/^transformer\./, '') : name,
        tensor,
      ]),
    );
    await writeSafetensors(
      join(dir, 'model.safetensors'),
      [...named].map(([name, { shape }]) => ({ name, shape })),
      (name) => named.get(name)!.read(),
    );
  } finally {
    await file.close();
    rmSync(original);
  }
}

async function writeShards(
  dir: string,
  tensors: ReadonlyMap<string, { shape: readonly number[]; read: () => Promise<Float32Array> }>,
): Promise<void> {
  const names = [...tensors.keys()];
  const half = Math.ceil(names.length / 2);
  const weightMap: Record<string, string> = {};
  for (const [i, part] of [names.slice(0, half), names.slice(half)].entries()) {
    const shard = `model-0000${i + 1}-of-00002.safetensors`;
    for (const name of part) weightMap[name] = shard;
    await writeSafetensors(
      join(dir, shard),
      part.map((name) => ({ name, shape: tensors.get(name)!.shape })),
      (name) => tensors.get(name)!.read(),
    );
  }
  writeFileSync(
    join(dir, 'model.safetensors.index.json'),
    JSON.stringify({ metadata: { total_size: 0 }, weight_map: weightMap }),
  );
}

/** Names of the parameters of the model that `hubModel` makes. */
export const parameterNames = (files: HubFiles): string[] =>
  parameterSpecs(
    parseConfig(JSON.parse(Buffer.from(files['config.json'] as Uint8Array).toString()), 'config'),
  ).map(({ name }) => name);
