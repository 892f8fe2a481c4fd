/**
 * The smallest model that the command line trains: a tokenizer of bytes without merges, one layer, 8 wide.
 * Its start costs next to nothing.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseConfig, toJson } from '#attune/model/config.js';
import { parameterSpecs } from '#attune/model/parameters.js';
import { writeSafetensors } from '#attune/model/safetensors-writer.js';
import { BYTE_CHARACTERS } from '#attune/text/token-spans.js';
import { randomParameters } from './models.js';

export async function writeByteModel(
  dir: string,
  fields: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  mkdirSync(dir, { recursive: true });
  const vocabulary = Object.fromEntries(
    [...BYTE_CHARACTERS, '<|endoftext|>'].map((token, id) => [token, id]),
  );
  writeFileSync(join(dir, 'vocab.json'), JSON.stringify(vocabulary));
  writeFileSync(join(dir, 'merges.txt'), '#version: 0.2\n');
  const config = parseConfig(
    {
      model_type: 'gpt2',
      vocab_size: 257,
      n_positions: 32,
      n_embd: 8,
      n_layer: 1,
      n_head: 2,
      bos_token_id: 256,
      eos_token_id: 256,
      ...fields,
    },
    'byte model',
  );
  writeFileSync(join(dir, 'config.json'), toJson(config));
  const values = randomParameters(config, 5);
  await writeSafetensors(
    join(dir, 'model.safetensors'),
    parameterSpecs(config).filter(({ name }) => name !== 'score.weight'),
    (name) => values.get(name)!,
  );
}
