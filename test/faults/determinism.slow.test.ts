/** gpt2-mini with dropout: a run is deterministic, except for times, whatever the number of threads. */
import assert from 'node:assert/strict';
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { embeddedModelFolder } from '#attune/model/embedded.js';
import { attune, jsonLines, writeData } from '../support/cli.js';
import { workspace } from '../support/workspace.js';

const cwd = workspace((cwd) => {
  cpSync(embeddedModelFolder(), join(cwd, 'gpt2-mini'), { recursive: true });
  writeData(join(cwd, 'data'));
});

async function trained(outputDir: string, threads: number): Promise<{ records: object[]; weights: Buffer }> {
  const words = [
    'train',
    '--model',
    'gpt2-mini',
    '--dataset',
    'data',
    '--output-dir',
    outputDir,
    '--max-steps',
    '4',
    '--logging-steps',
    '1',
    '--eval-strategy',
    'epoch',
    '--save-strategy',
    'no',
    '--per-device-train-batch-size',
    '4',
    '--learning-rate',
    '1e-3',
    '--threads',
    String(threads),
    '--json',
  ];
  const { code, stdout, stderr } = await attune(words, { cwd });
  assert.equal(code, 0, stderr);
  const varying = (key: string): boolean =>
    /runtime|per_second/.test(key) || key === 'outputDir' || key === 'device';
  return {
    records: jsonLines(stdout).map((record) =>
      Object.fromEntries(Object.entries(record).filter(([key]) => !varying(key))),
    ),
    weights: readFileSync(join(cwd, outputDir, 'model.safetensors')),
  };
}

describe('attune train', () => {
  it(
    'gives the same log and weights twice, and with one and two threads',
    { timeout: 1_800_000 },
    async () => {
      const first = await trained('first', 2);
      for (const [dir, threads] of [
        ['again', 2],
        ['single', 1],
      ] as const) {
        const other = await trained(dir, threads);
        assert.deepEqual(other.records, first.records, dir);
        assert.ok(other.weights.equals(first.weights), `the weights of ${dir} differ`);
      }
    },
  );
});
