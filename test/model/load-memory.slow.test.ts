/**
 * Loading a model as large as gpt2 needs its weights in memory once. Linux: the high-water mark is read from
 * /proc.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parseConfig, toJson } from '#attune/model/config.js';
import { embeddedModelFolder } from '#attune/model/embedded.js';
import { elementCount, parameterSpecs } from '#attune/model/parameters.js';
import { writeSafetensors } from '#attune/model/safetensors-writer.js';
import { folder } from '../support/folder.js';

const MOST = 1.3;

describe('TextClassifier.fromPretrained', () => {
  it(
    `loads gpt2 with peak memory below ${MOST} times the size of its file`,
    { skip: process.platform !== 'linux' },
    async (t) => {
      const dir = folder(t);
      const config = parseConfig(
        { model_type: 'gpt2', num_labels: 3, pad_token_id: 50256, vocab_size: 50257 },
        'gpt2',
      );
      writeFileSync(join(dir, 'config.json'), toJson(config));
      for (const name of ['vocab.json', 'merges.txt'])
        cpSync(join(embeddedModelFolder(), name), join(dir, name));
      // As openai-community/gpt2 has them: bare names, and a causal mask with each layer.
      const parameters = parameterSpecs(config).map(({ name, shape }) => ({
        name: name.replace(/^transformer\./, ''),
        shape,
      }));
      const masks = Array.from({ length: config.nLayer }, (_, layer) => ({
        name: `h.${layer}.attn.bias`,
        shape: [1, 1, config.nPositions, config.nPositions],
      }));
      const tensors = [...parameters, ...masks];
      const shapes = new Map(tensors.map(({ name, shape }) => [name, shape]));
      const file = join(dir, 'model.safetensors');
      await writeSafetensors(file, tensors, (name) =>
        Float32Array.from(
          { length: elementCount(shapes.get(name)!) },
          (_, i) => ((i * 2654435761) % 4093) / 4093 - 0.5,
        ),
      );

      const { size } = statSync(file);
      assert.ok(size > 548e6 && size < 549e6, `${size} bytes`);
      const { stdout } = await promisify(execFile)(process.execPath, [
        fileURLToPath(new URL('../support/peak-memory.mjs', import.meta.url)),
        dir,
      ]);
      const { baseline, peak } = JSON.parse(stdout) as { baseline: number; peak: number };
      const ratio = (peak - baseline) / size;
      const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
      t.diagnostic(
        `peak ${megabytes(peak)}, of which ${megabytes(baseline)} before loading: ` +
          `${ratio.toFixed(3)} times the file`,
      );
      assert.ok(ratio < MOST, `${ratio}`);
      assert.ok(ratio > 0.8, `${ratio}: the weights are not in memory, so nothing was measured`);
    },
  );
});
