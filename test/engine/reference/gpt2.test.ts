import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { packRows } from '#attune/engine/batch.js';
import { execute } from '#attune/engine/reference/execute.js';
import type { AnyNode } from '#attune/graph/graph.js';
import { gpt2Graphs } from '#attune/model/gpt2.js';
import { elementCount, parameterSpecs } from '#attune/model/parameters.js';
import { checkGraph } from '../../support/gradient-check.js';
import {
  blindRow,
  paddedTwin,
  randomParameters,
  tinyCases,
  tinyConfig,
  toFloat64,
} from '../../support/models.js';
import { assertClose } from '../../support/numbers.js';

const DROPOUTS = { embd_pdrop: 0.2, attn_pdrop: 0.3, resid_pdrop: 0.1 };

/**
 * Logits of GPT2ForSequenceClassification (transformers 5.17, float64, its default attention) for ROWS,
 * right-padded with a mask. Element k of parameter n (in the order of named_parameters()) is
 * 0.8 sin(n + 0.37 k^2), plus 1 for LayerNorm weights.
 */
const TRANSFORMERS = [
  [
    {},
    [
      -1.6312632152471183, 2.7467544373604573, -0.5477483824017365, -0.876659567782918, 2.4201793760288517,
      -0.0487256957439226, -0.3385270900921605, 0.6430032249395154, 0.3635667392018127, 0.28175066039004376,
      1.8942571045725216, -0.09798602609407767,
    ],
  ],
  [
    { n_inner: 5, layer_norm_epsilon: 0.01 },
    [
      3.128274919598235, -1.9469800962824035, 0.7309720585904298, 1.7270352906262003, 0.20109763733389982,
      0.778803440733973, 0.8275464063266024, 1.4577336571079071, 0.7210399173284275, 3.680655681766388,
      -0.37895337312461397, 0.7788373365500469,
    ],
  ],
  [
    { scale_attn_weights: false },
    [
      -1.168732389642728, 2.007592413383481, -0.5626731513698785, -0.876659567782918, 2.4201793760288517,
      -0.0487256957439226, -0.3385270900921605, 0.6430032249395154, 0.3635667392018127, 0.9340888034122452,
      1.253020850803037, -0.22368837751071785,
    ],
  ],
  [
    { scale_attn_by_inverse_layer_idx: true },
    [
      -1.5370599005739782, 2.8967057707751724, -0.5231287315246296, -0.876659567782918, 2.4201793760288517,
      -0.0487256957439226, -0.3385270900921605, 0.6430032249395154, 0.3635667392018127, 0.1917174311553757,
      1.9958928604708677, -0.08909439581914128,
    ],
  ],
  [
    { scale_attn_weights: false, scale_attn_by_inverse_layer_idx: true },
    [
      -1.1156935274899074, 2.104008054740283, -0.5746995734922131, -0.876659567782918, 2.4201793760288517,
      -0.0487256957439226, -0.3385270900921605, 0.6430032249395154, 0.3635667392018127, 0.6930259995822101,
      1.49066278063724, -0.18676567397522137,
    ],
  ],
] as const;

const ROWS = [[1, 2, 3, 2], [4], [], [9, 0, 7, 9, 9, 1]];

/** The dropout of each node, in words. */
function dropoutSites(nodes: readonly AnyNode[]): string[] {
  return nodes.flatMap((node) => {
    if (node.op === 'dropout') {
      const { source } = node.inputs[0];
      const { site, probability } = node.attributes;
      return [`site ${site} drops ${probability} of ${'node' in source ? source.node.op : 'a leaf'}`];
    }
    const site =
      node.op === 'attention' || node.op === 'pooledAttention' ? node.attributes.dropout : undefined;
    return site ? [`site ${site.site} drops ${site.probability} in ${node.op}`] : [];
  });
}

describe('gpt2Graphs', () => {
  for (const [fields, logits] of TRANSFORMERS) {
    it(`computes the logits of transformers for ${JSON.stringify(fields)}`, () => {
      const config = tinyConfig({ ...fields });
      const batch = packRows(
        ROWS.map((ids) => (ids.length > 0 ? { ids: Int32Array.from(ids), blind: false } : blindRow(config))),
      );
      const parameters = new Map(
        parameterSpecs(config).map(({ name, shape }, n) => {
          const offset = name.includes('.ln_') && name.endsWith('.weight') ? 1 : 0;
          return [
            name,
            Float64Array.from(
              { length: elementCount(shape) },
              (_, k) => offset + 0.8 * Math.sin(n + 0.37 * k * k),
            ),
          ];
        }),
      );
      assertClose(execute(gpt2Graphs(config).inference, parameters, batch).get('logits')!, logits, 1e-12);
      const padded = paddedTwin(batch, config.padTokenId!);
      assertClose(
        execute(gpt2Graphs(config, { poolLast: true }).inference, parameters, padded).get('logits')!,
        logits,
        1e-12,
      );
    });
  }

  for (const [name, fields, poolLast] of [
    ['without dropout', {}, false],
    ['with dropout everywhere', DROPOUTS, false],
    ['whose blocks are all computed for every token', DROPOUTS, true],
    [
      'of one block, with other scales and MLP width',
      { n_layer: 1, n_inner: 5, scale_attn_weights: false, scale_attn_by_inverse_layer_idx: true },
      false,
    ],
  ] as const) {
    it(`computes the gradients of finite differences for a GPT-2 ${name}`, () => {
      const config = tinyConfig({ ...fields });
      const ids = (...list: number[]): { ids: Int32Array; blind: boolean } => ({
        ids: Int32Array.from(list),
        blind: false,
      });
      const batch = packRows(
        [ids(1, 2, 3, 2), ids(4), blindRow(config), ids(10, 0, 9, 9, 9, 1)],
        [0, 2, 1, 1],
      );
      const graph = gpt2Graphs(config, { poolLast }).training;
      checkGraph(graph, toFloat64(randomParameters(config, 3)), batch, {
        seed: 8,
        entries: 8,
        lossWeight: 0.25,
        dropout: { seed: 42, pass: 1 },
      });
    });
  }

  it('drops out embeddings, attention and residual branches in training, nothing in inference', () => {
    const { inference, training } = gpt2Graphs(tinyConfig(DROPOUTS));
    const forward = training.nodes.slice(
      0,
      training.nodes.findIndex(({ op }) => op === 'crossEntropy'),
    );
    assert.deepEqual(dropoutSites(inference.nodes), []);
    assert.deepEqual(dropoutSites(forward), [
      'site 0 drops 0.2 of add',
      'site 1 drops 0.3 in attention',
      'site 2 drops 0.1 of linear',
      'site 3 drops 0.1 of linear',
      'site 4 drops 0.3 in pooledAttention',
      'site 5 drops 0.1 of linear',
      'site 6 drops 0.1 of linear',
    ]);
  });

  it('computes the same logits, loss and gradients for packed and for padded rows', () => {
    fc.assert(
      fc.property(tinyCases(), fc.integer({ min: 1, max: 9 }), ({ config, batch, seed }, length) => {
        const parameters = toFloat64(randomParameters(config, seed));
        const packed = gpt2Graphs(config);
        const padded = gpt2Graphs(config, { poolLast: true });
        const twin = paddedTwin(batch, config.padTokenId!, length);
        const options = { lossWeight: 1 / batch.rows };
        assertClose(
          execute(packed.inference, parameters, batch).get('logits')!,
          execute(padded.inference, parameters, twin).get('logits')!,
          1e-9,
          'logits',
        );
        const expected = execute(padded.training, parameters, twin, options);
        for (const [name, values] of execute(packed.training, parameters, batch, options))
          assertClose(values, expected.get(name)!, 1e-9, name);
      }),
      { numRuns: 40 },
    );
  });
});
