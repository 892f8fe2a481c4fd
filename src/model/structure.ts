import { pythonFloat } from '../json/python.js';
import type { ActivationFunction, Gpt2Config } from './config.js';

/** The module that transformers makes of each activation. */
const ACTIVATION_MODULES: Readonly<Record<ActivationFunction, string>> = {
  gelu_new: 'NewGELUActivation',
  gelu_pytorch_tanh: 'GELUTanh',
  gelu_python_tanh: 'GELUTanh',
};

/** The model's structure as `print(model)` shows it in transformers 5.17, without a final line break. */
export function printStructure(config: Gpt2Config): string {
  const { nEmbd: c, nInner, nLayer } = config;
  const epsilon = pythonFloat(config.layerNormEpsilon);
  const layerNorm = `LayerNorm((${c},), eps=${epsilon}, elementwise_affine=True, bias=True)`;
  const dropout = (p: number): string => `Dropout(p=${pythonFloat(p)}, inplace=False)`;
  const conv1d = (inputs: number, outputs: number): string => `Conv1D(nf=${outputs}, nx=${inputs})`;

  const block = module('GPT2Block', {
    ln_1: layerNorm,
    attn: module('GPT2Attention', {
      c_attn: conv1d(c, 3 * c),
      c_proj: conv1d(c, c),
      attn_dropout: dropout(config.attnPdrop),
      resid_dropout: dropout(config.residPdrop),
    }),
    ln_2: layerNorm,
    mlp: module('GPT2MLP', {
      c_fc: conv1d(c, nInner),
      c_proj: conv1d(nInner, c),
      act: `${ACTIVATION_MODULES[config.activationFunction]}()`,
      dropout: dropout(config.residPdrop),
    }),
  });
  // PyTorch folds equal neighbours into one entry.
  const blocks = nLayer === 1 ? { '0': block } : { [`0-${nLayer - 1}`]: `${nLayer} x ${block}` };
  return module('GPT2ForSequenceClassification', {
    transformer: module('GPT2Model', {
      wte: `Embedding(${config.vocabSize}, ${c})`,
      wpe: `Embedding(${config.nPositions}, ${c})`,
      drop: dropout(config.embdPdrop),
      h: module('ModuleList', blocks),
      ln_f: layerNorm,
    }),
    score: `Linear(in_features=${c}, out_features=${config.labelNames.length}, bias=False)`,
  });
}

function module(name: string, children: Readonly<Record<string, string>>): string {
  const lines = Object.entries(children).map(
    ([child, text]) => `  (${child}): ${text.replaceAll('\n', '\n  ')}`,
  );
  return `${name}(\n${lines.join('\n')}\n)`;
}
