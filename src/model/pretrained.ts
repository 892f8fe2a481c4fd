/**
 * A model folder made ready for an engine: config, tokenizer, graphs, and weights that are read one tensor at
 * a time.
 */
import { stat } from 'node:fs/promises';
import type { EngineSession } from '../engine/engine.js';
import { ModelError } from '../errors/attune-error.js';
import type { HubOptions } from '../hub/settings.js';
import { Tokenizer } from '../text/tokenizer.js';
import { readConfig, requireVocabulary, withLabels } from './config.js';
import type { Gpt2Config } from './config.js';
import { gpt2Graphs } from './gpt2.js';
import type { ModelGraphs } from './gpt2.js';
import { initializeHead } from './head.js';
import { loadReport } from './load-report.js';
import { parameterSpecs } from './parameters.js';
import { resolveModel } from './resolve.js';
import { openWeights, writeParameter } from './weights.js';
import type { Weights } from './weights.js';

const HEAD = 'score.weight';

export interface PretrainedModel {
  /** Where it came from, as the user named it. */
  readonly source: string;
  /** The folder that it was read from. */
  readonly folder: string;
  readonly config: Gpt2Config;
  readonly tokenizer: Tokenizer;
  readonly graphs: ModelGraphs;
  /**
   * What transformers prints of tensors that are missing or unexpected; undefined where there is nothing to
   * say.
   */
  readonly report: string | undefined;
  /** Whether the classification head was newly drawn. */
  readonly newHead: boolean;
  /**
   * Writes all parameters to a session opened with `graphs`, then closes the files. @throws the reason of the
   * options' signal if it is aborted
   */
  writeTo(session: Pick<EngineSession, 'writeTensor'>): Promise<void>;
  /** Closes the files of a model that will not be written anywhere. */
  close(): Promise<void>;
}

/**
 * The options of the Hub are of no account where the model is a folder, but for the signal, which ends the
 * loading of the weights as well.
 */
export interface FromPretrainedOptions extends HubOptions {
  /**
   * Names of the classes, or what gives them by those of the head that is there. Required to train a model
   * without a classification head; a head that is there must have as many.
   */
  readonly labelNames?: readonly string[] | ((ofHead: readonly string[] | undefined) => readonly string[]);
  /** Sets the three dropouts; absent: the config's. */
  readonly dropout?: number | undefined;
  /** Seed of a newly drawn head (transformers' set_seed). */
  readonly seed?: number;
}

/**
 * Opens a model folder in Hugging Face's layout, or a model of the Hub by its id (`openai-community/gpt2`,
 * with `@revision` where wanted), which is downloaded into the Hub's cache where it is not there. A missing
 * classification head is drawn as transformers draws it after `set_seed(seed)`.
 *
 * @throws ModelError naming file, field or tensor: `model-folder-missing`, `model-head-missing`, `config-*`,
 *   `tokenizer-*`, `weights-*`, `safetensors-*` and the other codes of a model's files; HubError and
 *   UsageError as `resolveModel`
 */
export async function fromPretrained(
  idOrPath: string,
  { labelNames: given, dropout, seed = 42, ...hub }: FromPretrainedOptions = {},
): Promise<PretrainedModel> {
  const dir = await resolveModel(idOrPath, hub);
  const found = await stat(dir).catch(() => undefined);
  if (!found?.isDirectory()) {
    throw new ModelError('model-folder-missing', { folder: dir });
  }
  const saved = await readConfig(dir);
  const read = await Tokenizer.fromDirectory(dir);
  requireVocabulary(saved, read.vocabSize, dir);
  const labelNames = typeof given === 'function' ? given(await classesOfHead(dir, saved)) : given;
  const config =
    labelNames || dropout !== undefined
      ? withLabels(
          saved,
          labelNames ?? saved.labelNames,
          labelNames ? read.padTokenId : saved.padTokenId,
          dropout,
        )
      : saved;
  // Pooling goes by the config's pad token, which a classifier of others may lack or have otherwise.
  const tokenizer = read.forPooling(config.padTokenId);
  const weights = await openWeights(dir, config);
  const newHead = weights.missing.includes(HEAD);
  if (newHead && !labelNames) {
    await weights.close();
    throw new ModelError('model-head-missing', { folder: dir, tensor: HEAD });
  }
  const head = newHead
    ? initializeHead(config.labelNames.length, config.nEmbd, config.initializerRange, seed)
    : undefined;
  return {
    source: idOrPath,
    folder: dir,
    config,
    tokenizer,
    graphs: gpt2Graphs(config),
    report: loadReport(idOrPath, weights.missing, weights.unexpected),
    newHead,
    writeTo: (session) => writeWeights(session, config, weights, head, hub.signal),
    close: () => weights.close(),
  };
}

/** By index; undefined where there is no head yet. Reads the list of tensors alone. */
async function classesOfHead(dir: string, config: Gpt2Config): Promise<readonly string[] | undefined> {
  const weights = await openWeights(dir, config);
  await weights.close();
  return weights.missing.includes(HEAD) ? undefined : config.labelNames;
}

async function writeWeights(
  session: Pick<EngineSession, 'writeTensor'>,
  config: Gpt2Config,
  weights: Weights,
  head: Float32Array | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    for (const { name } of parameterSpecs(config)) {
      if (name === HEAD && head) await session.writeTensor('parameter', name, head);
      else await writeParameter(session, weights, name, signal);
    }
  } finally {
    await weights.close();
  }
}
