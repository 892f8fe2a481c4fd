/** A tiny training run in a temporary folder, through the Trainer. */
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { EncodedRow } from '#attune/engine/batch.js';
import type { Engine } from '#attune/engine/engine.js';
import { onnxEngine } from '#attune/engine/onnx/session.js';
import type { Gpt2Config } from '#attune/model/config.js';
import { embeddedModelFolder } from '#attune/model/embedded.js';
import { parameterSpecs } from '#attune/model/parameters.js';
import { Tokenizer } from '#attune/text/tokenizer.js';
import { resolveArguments } from '#attune/train/arguments.js';
import type { TrainingArgumentsInput } from '#attune/train/arguments.js';
import { Trainer } from '#attune/train/trainer.js';
import type { TrainerOptions } from '#attune/train/trainer.js';
import type { TrainerCallback } from '#attune/train/callbacks.js';
import type { LabelledRows } from '#attune/train/evaluate.js';
import { openSession } from './engine-sessions.js';
import { blindRow, tinyConfig } from './models.js';
import { Random } from './random.js';

export const TINY = tinyConfig({ embd_pdrop: 0.1, attn_pdrop: 0.1, resid_pdrop: 0.1 });

/** Random rows that can be learnt: the label follows from the last token. Row 3 is an empty text. */
export function tinyRows(count: number, seed: number, config: Gpt2Config = TINY): LabelledRows {
  const random = new Random(seed);
  const rows: EncodedRow[] = Array.from({ length: count }, (_, i) =>
    i === 3
      ? blindRow(config)
      : {
          ids: Int32Array.from({ length: random.integer(1, config.nPositions) }, () =>
            random.integer(0, config.vocabSize - 2),
          ),
          blind: false,
        },
  );
  return { rows, labels: Int32Array.from(rows, ({ ids }) => ids[ids.length - 1] % config.labelNames.length) };
}

export interface TinyRunOptions {
  readonly dir: string;
  readonly args?: TrainingArgumentsInput;
  readonly callbacks?: readonly TrainerCallback[] | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly engine?: Engine;
  readonly trainRows?: number;
  /** Default 9, which are one batch of prediction. */
  readonly evalRows?: number;
  readonly parameters?: ReadonlyMap<string, Float32Array> | undefined;
}

/**
 * A trainer over 23 training and 9 evaluation rows in batches of 4, two batches a step; `t` closes the
 * session.
 */
export async function tinyTrainer(
  t: TestContext,
  options: TinyRunOptions,
): Promise<{ trainer: Trainer; source: TrainerOptions }> {
  const { dir, engine = onnxEngine, trainRows = 23, evalRows = 9, callbacks, signal } = options;
  const args = resolveArguments({
    outputDir: dir,
    numTrainEpochs: 3,
    perDeviceTrainBatchSize: 4,
    perDeviceEvalBatchSize: 4,
    gradientAccumulationSteps: 2,
    learningRate: 0.02,
    weightDecay: 0.1,
    warmupSteps: 2,
    loggingSteps: 2,
    evalStrategy: 'epoch',
    saveStrategy: 'epoch',
    seed: 11,
    ...options.args,
  });
  const session = await openSession(t, engine, TINY, {
    seed: args.seed,
    parameters: options.parameters ?? 3,
  });
  const source: TrainerOptions = {
    session,
    parameters: parameterSpecs(TINY),
    config: TINY,
    tokenizer: await Tokenizer.fromDirectory(embeddedModelFolder()),
    args,
    maxLength: TINY.nPositions,
    train: tinyRows(trainRows, 1),
    evaluation: tinyRows(evalRows, 2),
    callbacks,
    signal,
  };
  return { trainer: new Trainer(source), source };
}

export const checkpointPath = (dir: string, step: number): string => join(dir, `checkpoint-${step}`);
