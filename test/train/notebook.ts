/** The run of the reference notebook, on gpt2-mini and tweets that need not lie beside the project. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Device } from '#attune/engine/device-names.js';
import { embeddedModelFolder } from '#attune/model/embedded.js';
import { resolveArguments } from '#attune/train/arguments.js';
import { prepareFineTune } from '#attune/train/fine-tune.js';
import type { FineTuneRun } from '#attune/train/fine-tune.js';
import { PRESETS } from '#attune/train/presets.js';
import type { LogRecord } from '#attune/train/records.js';
import type { TrainerCallback } from '#attune/train/callbacks.js';
import { sharedPath } from '../support/shared.js';

export interface NotebookGolden {
  readonly init_score: number[][];
  readonly epoch_first_rows: number[][];
  readonly log_history: LogRecord[];
  readonly test_logits: number[][];
}

const tweets = sharedPath('data', 'tweets');
const goldenDir = sharedPath('golden', 'notebook-gpt2-mini');

/** Why tests that need this data cannot run here, or false. */
export const skipNotebook =
  tweets === undefined || goldenDir === undefined
    ? 'needs ../shared/data/tweets and ../shared/golden'
    : false;

export function notebookGolden(name: string): NotebookGolden {
  return JSON.parse(readFileSync(join(goldenDir!, name), 'utf8')) as NotebookGolden;
}

export async function notebookRun(
  outputDir: string,
  options: {
    seed: number;
    dropout: number;
    callbacks?: TrainerCallback[];
    signal?: AbortSignal;
    device?: Device;
  },
): Promise<FineTuneRun> {
  const { seed, dropout, callbacks, signal, device = 'cpu' } = options;
  const { arguments: preset, data } = PRESETS.notebook;
  return prepareFineTune({
    model: embeddedModelFolder(),
    dataset: tweets!,
    device,
    ...data,
    args: resolveArguments({ ...preset, outputDir, seed, dropout, saveStrategy: 'no' }),
    callbacks,
    signal,
  });
}
