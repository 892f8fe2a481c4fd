/**
 * Puts the baselines of a comparison into its folder, each with what later commands must know of it: as
 * `TextClassifier.fromPretrained` opens it.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { bytesOnDisk, saveEstimator } from '../baselines/saved.js';
import { writeWhole } from '../files.js';
import { MEMORY_FILE, memoryOf, memoryToJson } from '../train/model-memory.js';
import type { ModelMemory } from '../train/model-memory.js';
import type { OutputFolder } from '../train/output-folder.js';
import { baselineFolder } from '../train/run-names.js';
import { ROWS_FILE } from '../train/trained-rows.js';
import type { Baseline } from './baselines.js';
import type { CompareModelsOptions } from './compare-models.js';

/** What a saved baseline remembers of how it was trained. */
export function memoryOfBaselines(
  { inputs, base, datasetName, test: { labelNames }, seed }: CompareModelsOptions,
  maxLength: number,
): ModelMemory {
  const memory = memoryOf({
    model: base,
    dataset: datasetName,
    ...inputs,
    seed: inputs?.splitSeed ?? seed,
    maxLength,
    labelNames,
  });
  return inputs ? memory : { ...memory, data: null };
}

export interface SavedWith {
  /** Folder of the untuned model. */
  readonly baseDir: string;
  readonly labelNames: readonly string[];
  readonly memory: ModelMemory;
  /** What attune_rows.json holds. */
  readonly trainedTexts: string;
}

/** Saves the baseline, with what later commands must know of it, and counts what prediction needs. */
export async function saveBaseline(
  { id, estimator, needs }: Baseline,
  output: OutputFolder,
  { baseDir, labelNames, memory, trainedTexts }: SavedWith,
): Promise<number> {
  const name = baselineFolder(id);
  let bytes = needs === undefined ? 0 : (await stat(needs)).size;
  if (id === 'gpt2-probe') bytes += await modelBytes(baseDir);
  await output.place(
    async (staged) => {
      const dir = join(staged, name);
      await saveEstimator(dir, estimator, { labelNames });
      bytes += await bytesOnDisk(dir);
      await writeWhole(join(dir, MEMORY_FILE), memoryToJson(memory));
      await writeWhole(join(dir, ROWS_FILE), trainedTexts);
    },
    [name],
  );
  return bytes;
}

const OF_MODEL = new RegExp(
  [
    '\\.safetensors$',
    '^(config|vocab|tokenizer|tokenizer_config|special_tokens_map|added_tokens)\\.json$',
    '\\.index\\.json$',
    '^merges\\.txt$',
  ].join('|'),
);

/** Weights, config and tokenizer of a model folder; 0 for a model that is no folder here. */
export async function modelBytes(dir: string): Promise<number> {
  const names = await readdir(dir).catch(() => []);
  const needed = names.filter((name) => OF_MODEL.test(name));
  const sizes = await Promise.all(needed.map(async (name) => (await stat(join(dir, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
