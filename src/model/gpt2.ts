/**
 * GPT2ForSequenceClassification as a graph (Radford et al. 2019; the layout and names of transformers).
 *
 *   N = tokens of the packed batch, B = rows, C = n_embd, K = num_labels
 *
 * Only each row's last token is pooled, so the last block computes query, attention output and MLP for those
 * B tokens alone; its keys and values still come from all N. This changes nothing but the order of
 * floating-point sums.
 */
import { GraphBuilder } from '../graph/graph.js';
import type { AttentionAttributes, DropoutSite, Graph, Shape, Value } from '../graph/graph.js';
import { gradients, gradientsFrom } from '../graph/gradients.js';
import {
  add,
  attention,
  crossEntropy,
  dropout,
  gather,
  gelu,
  layerNorm,
  linear,
  matmul,
  pooledAttention,
  splitColumns,
} from '../graph/operations.js';
import type { Gpt2Config } from './config.js';
import { parameterSpecs } from './parameters.js';
import type { ParameterSpec } from './parameters.js';

/** What an engine is given of a model: its parameters, and the two graphs over them. */
export interface ModelGraphs {
  readonly parameters: readonly ParameterSpec[];
  /** Output: `logits` [B, K]. No dropout. */
  readonly inference: Graph;
  /**
   * Outputs: `loss` [], and for each parameter P its gradient under the name `gradient of P`. Dropout as the
   * config says.
   */
  readonly training: Graph;
}

export function gradientName(parameter: string): string {
  return `gradient of ${parameter}`;
}

export interface Gpt2GraphOptions {
  /**
   * Compute the last block for every token and pool afterwards, as the reference does. For comparison alone.
   */
  readonly poolLast?: boolean;
}

export function gpt2Graphs(config: Gpt2Config, options: Gpt2GraphOptions = {}): ModelGraphs {
  const parameters = parameterSpecs(config);

  const inferenceBuilder = new GraphBuilder();
  const logits = forward(inferenceBuilder, config, parameters, false, options);
  const inference = inferenceBuilder.finish({ logits });

  const g = new GraphBuilder();
  const trainingLogits = forward(g, config, parameters, true, options);
  const loss = crossEntropy(
    g,
    trainingLogits,
    g.input('labels', ['rows'], 'int32'),
    g.input('lossWeight', [], 'float32'),
  );
  const targets = parameters.map(({ name }) => g.parameters.get(name)!);
  const outputs: Record<string, Value> = { loss };
  for (const [i, gradient] of gradients(g, loss, targets).entries())
    outputs[gradientName(parameters[i].name)] = gradient;
  return { parameters, inference, training: g.finish(outputs) };
}

/**
 * The model's hidden states of every token: output `hidden` [N, C], what ln_f gives (transformers'
 * last_hidden_state). No dropout. An engine session of the model evaluates it.
 */
export function hiddenStatesGraph(config: Gpt2Config): Graph {
  const g = new GraphBuilder();
  return g.finish({ hidden: transformer(g, config, parameterSpecs(config), false, 'tokens').hidden });
}

/**
 * What each token of a text adds to the logit of a class (the batch's `labels`), to first order. Outputs,
 * both [N, C]: `embedding`, the token's row of wte, and `gradient`, that logit's gradient with respect to it.
 * No dropout.
 */
export function attributionGraph(config: Gpt2Config): Graph {
  const g = new GraphBuilder();
  const specs = parameterSpecs(config);
  const { hidden, tokens } = transformer(g, config, specs, false, 'pooled');
  const head = g.parameter(HEAD, specs.find(({ name }) => name === HEAD)!.shape);
  // A logit is the product of the pooled state with its class's row of the head, so that row is its gradient.
  const seed = gather(g, head, g.input('labels', ['rows'], 'int32'));
  const [gradient] = gradientsFrom(g, hidden, seed, [tokens]);
  return g.finish({ embedding: tokens, gradient });
}

const HEAD = 'score.weight';

function forward(
  g: GraphBuilder,
  config: Gpt2Config,
  specs: readonly ParameterSpec[],
  train: boolean,
  options: Gpt2GraphOptions,
): Value {
  const { hidden } = transformer(g, config, specs, train, options.poolLast ? 'tokens' : 'pooled');
  const pooled = options.poolLast ? gather(g, hidden, g.input('pooledTokens', ['rows'], 'int32')) : hidden;
  return matmul(g, pooled, g.parameter(HEAD, specs.find(({ name }) => name === HEAD)!.shape), false, true);
}

/**
 * Everything below the head. `last`: what the last block is computed for.
 *
 * @returns `hidden`, the output of ln_f, [N, C] or [B, C]; `tokens`, the rows of wte, [N, C]
 */
function transformer(
  g: GraphBuilder,
  config: Gpt2Config,
  specs: readonly ParameterSpec[],
  train: boolean,
  last: 'tokens' | 'pooled',
): { hidden: Value; tokens: Value } {
  const shapes = new Map<string, Shape>(specs.map(({ name, shape }) => [name, shape]));
  const p = (name: string): Value => g.parameters.get(name) ?? g.parameter(name, shapes.get(name)!);
  const c = config.nEmbd;

  let sites = 0;
  const site = (probability: number): DropoutSite | undefined =>
    train && probability > 0 ? { site: sites++, probability } : undefined;
  const norm = (x: Value, name: string): Value =>
    layerNorm(g, x, p(`${name}.weight`), p(`${name}.bias`), config.layerNormEpsilon);
  const conv1d = (x: Value, name: string): Value => linear(g, x, p(`${name}.weight`), p(`${name}.bias`));

  const attentionOf = (layer: number): AttentionAttributes => {
    let scale = config.scaleAttnWeights ? 1 / Math.sqrt(c / config.nHead) : 1;
    if (config.scaleAttnByInverseLayerIdx) scale /= layer + 1;
    return { heads: config.nHead, scale, dropout: site(config.attnPdrop) };
  };
  const addAttentionOutput = (x: Value, context: Value, block: string): Value =>
    add(g, x, dropout(g, conv1d(context, `${block}.attn.c_proj`), site(config.residPdrop)));
  const addMlp = (x: Value, block: string): Value => {
    const hidden = gelu(g, conv1d(norm(x, `${block}.ln_2`), `${block}.mlp.c_fc`));
    return add(g, x, dropout(g, conv1d(hidden, `${block}.mlp.c_proj`), site(config.residPdrop)));
  };

  const inputIds = g.input('inputIds', ['tokens'], 'int32');
  const positionIds = g.input('positionIds', ['tokens'], 'int32');
  const pooledTokens = g.input('pooledTokens', ['rows'], 'int32');

  const tokens = gather(g, p('transformer.wte.weight'), inputIds);
  let x = add(g, tokens, gather(g, p('transformer.wpe.weight'), positionIds));
  x = dropout(g, x, site(config.embdPdrop));
  for (let layer = 0; layer < config.nLayer; layer++) {
    const block = `transformer.h.${layer}`;
    const normed = norm(x, `${block}.ln_1`);
    if (layer < config.nLayer - 1 || last === 'tokens') {
      const context = attention(g, conv1d(normed, `${block}.attn.c_attn`), attentionOf(layer));
      x = addAttentionOutput(x, context, block);
    } else {
      const [wq, wkv] = splitColumns(g, p(`${block}.attn.c_attn.weight`), [c, 2 * c]);
      const [bq, bkv] = splitColumns(g, p(`${block}.attn.c_attn.bias`), [c, 2 * c]);
      const kv = linear(g, normed, wkv, bkv);
      const q = linear(g, gather(g, normed, pooledTokens), wq, bq);
      x = addAttentionOutput(
        gather(g, x, pooledTokens),
        pooledAttention(g, q, kv, attentionOf(layer)),
        block,
      );
    }
    x = addMlp(x, block);
  }
  return { hidden: norm(x, 'transformer.ln_f'), tokens };
}
