/**
 * The parameters of GPT2ForSequenceClassification, under transformers' names and in the order of PyTorch's
 * named_parameters().
 *
 *   V = vocab_size, P = n_positions, C = n_embd, I = n_inner, K = labels
 */
import type { Gpt2Config } from './config.js';

export interface ParameterSpec {
  readonly name: string;
  /** Row-major. Conv1D weights are [in, out]; score.weight is [K, C]. */
  readonly shape: readonly number[];
  /** Takes part in weight decay: all but biases and LayerNorm's parameters. */
  readonly decay: boolean;
}

export function parameterSpecs(config: Gpt2Config): ParameterSpec[] {
  const c = config.nEmbd;
  const weight = (name: string, ...shape: number[]): ParameterSpec => ({
    name: `${name}.weight`,
    shape,
    decay: true,
  });
  const bias = (name: string, width: number): ParameterSpec => ({
    name: `${name}.bias`,
    shape: [width],
    decay: false,
  });
  const conv1d = (name: string, width: number, outputs: number): ParameterSpec[] => [
    weight(name, width, outputs),
    bias(name, outputs),
  ];
  const layerNorm = (name: string): ParameterSpec[] => [
    { name: `${name}.weight`, shape: [c], decay: false },
    bias(name, c),
  ];

  const block = (prefix: string): ParameterSpec[] => [
    ...layerNorm(`${prefix}.ln_1`),
    ...conv1d(`${prefix}.attn.c_attn`, c, 3 * c),
    ...conv1d(`${prefix}.attn.c_proj`, c, c),
    ...layerNorm(`${prefix}.ln_2`),
    ...conv1d(`${prefix}.mlp.c_fc`, c, config.nInner),
    ...conv1d(`${prefix}.mlp.c_proj`, config.nInner, c),
  ];
  return [
    weight('transformer.wte', config.vocabSize, c),
    weight('transformer.wpe', config.nPositions, c),
    ...Array.from({ length: config.nLayer }, (_, i) => block(`transformer.h.${i}`)).flat(),
    ...layerNorm('transformer.ln_f'),
    weight('score', config.labelNames.length, c),
  ];
}

/** Numbers in a tensor of this shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** Numbers in all parameters together. */
export function parameterCount(specs: readonly ParameterSpec[]): number {
  return specs.reduce((sum, { shape }) => sum + elementCount(shape), 0);
}
