import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { packRows } from '#attune/engine/batch.js';
import type { EncodedRow, PackedBatch } from '#attune/engine/batch.js';
import { execute } from '#attune/engine/reference/execute.js';
import { ATTENTION_STRIDE, dropoutFactor, dropoutKey } from '#attune/graph/dropout-mask.js';
import { GraphBuilder } from '#attune/graph/graph.js';
import type { AttentionAttributes } from '#attune/graph/graph.js';
import { attention, pooledAttention } from '#attune/graph/operations.js';
import { assertClose } from '../../support/numbers.js';
import { Random } from '../../support/random.js';

const rowOf = (length: number, blind = false): EncodedRow => ({ ids: new Int32Array(length), blind });
const DROPOUT = { seed: 3, pass: 11 };

/** Context [N, C] of qkv [N, 3C]. */
function attend(qkv: Float64Array, batch: PackedBatch, attributes: AttentionAttributes): Float64Array {
  const g = new GraphBuilder();
  const y = attention(g, g.parameter('qkv', ['tokens', qkv.length / batch.tokens]), attributes);
  return execute(g.finish({ y }), new Map([['qkv', qkv]]), batch, { dropout: DROPOUT }).get('y')!;
}

/** Context [B, C] of the pooled tokens of the same qkv. */
function attendPooled(qkv: Float64Array, batch: PackedBatch, attributes: AttentionAttributes): Float64Array {
  const c = qkv.length / batch.tokens / 3;
  const pooled = batch.pooledTokens ?? batch.rowOffsets.subarray(1).map((end) => end - 1);
  const q = Float64Array.from(
    [...pooled].flatMap((token) => [...qkv.subarray(token * 3 * c, (token * 3 + 1) * c)]),
  );
  const kv = qkv.filter((_, i) => i % (3 * c) >= c);
  const g = new GraphBuilder();
  const y = pooledAttention(
    g,
    g.parameter('q', ['rows', c]),
    g.parameter('kv', ['tokens', 2 * c]),
    attributes,
  );
  return execute(
    g.finish({ y }),
    new Map([
      ['q', q],
      ['kv', kv],
    ]),
    batch,
    { dropout: DROPOUT },
  ).get('y')!;
}

/** Three tokens and two heads of width 2: q, k and v, each [3, 4], as given to PyTorch. */
const Q = [0.1, 0.2, 0.3, 0.4, -0.5, 0.6, 0.7, -0.8, 0.9, 1, -1.1, 1.2];
const K = [0.3, -0.1, 0.2, 0.5, 0.4, 0.4, -0.6, 0.1, 0.2, -0.3, 0.9, 0.7];
const V = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
const QKV = Float64Array.from(
  [0, 1, 2].flatMap((t) => [Q, K, V].flatMap((part) => part.slice(4 * t, 4 * t + 4))),
);
const TWO_HEADS: AttentionAttributes = { heads: 2, scale: 1 / Math.sqrt(2) };

describe('attention and pooledAttention', () => {
  it("match PyTorch's causal scaled_dot_product_attention (2.13, float64)", () => {
    const expected = [
      1, 2, 3, 4, 3.176317773396904, 4.176317773396904, 4.830700496424423, 5.830700496424423,
      4.777447727002947, 5.777447727002947, 6.585249644359073, 7.585249644359073,
    ];
    const batch = packRows([rowOf(3)]);
    assertClose(attend(QKV, batch, TWO_HEADS), expected, 1e-14);
    assertClose(attendPooled(QKV, batch, TWO_HEADS), expected.slice(8), 1e-14);
  });

  it("match PyTorch's if keys are masked", () => {
    const batch = { ...packRows([rowOf(3)]), attentionMask: Uint8Array.of(1, 0, 1) };
    const expected = [
      1, 2, 3, 4, 1, 2, 3, 4, 4.59130918496868, 5.59130918496868, 6.259117987816731, 7.259117987816731,
    ];
    assertClose(attend(QKV, batch, TWO_HEADS), expected, 1e-14);
    assertClose(attendPooled(QKV, batch, TWO_HEADS), expected.slice(8), 1e-14);
  });

  it('give a query that attends to nothing a context of zero', () => {
    const masked = { ...packRows([rowOf(3)]), attentionMask: new Uint8Array(3) };
    const blind = packRows([rowOf(3, true)]);
    for (const batch of [masked, blind]) {
      assert.deepEqual([...attend(QKV, batch, TWO_HEADS)], new Array(12).fill(0));
      assert.deepEqual([...attendPooled(QKV, batch, TWO_HEADS)], [0, 0, 0, 0]);
    }
  });

  it('keep rows apart, and let a single token attend to itself', () => {
    const random = new Random(1);
    const lengths = [3, 1, 4];
    const qkv = random.normals(8 * 12);
    const together = attend(qkv, packRows(lengths.map((length) => rowOf(length))), TWO_HEADS);
    let offset = 0;
    for (const length of lengths) {
      const single = attend(
        qkv.slice(offset * 12, (offset + length) * 12),
        packRows([rowOf(length)]),
        TWO_HEADS,
      );
      assert.deepEqual(together.slice(offset * 4, (offset + length) * 4), single);
      offset += length;
    }
    assertClose(together.slice(12, 16), qkv.slice(3 * 12 + 8, 4 * 12), 1e-15);
  });

  it('agree on the pooled tokens, at the end of a row or elsewhere', () => {
    const qkv = new Random(2).normals(8 * 12);
    const packed = packRows([rowOf(3), rowOf(1, true), rowOf(4)]);
    for (const batch of [
      packed,
      {
        ...packed,
        pooledTokens: Int32Array.of(1, 3, 6),
        attentionMask: Uint8Array.of(0, 1, 1, 1, 1, 0, 1, 1),
      },
    ]) {
      const all = attend(qkv, batch, TWO_HEADS);
      const pooled = [...(batch.pooledTokens ?? [2, 3, 7])].flatMap((token) => [
        ...all.subarray(token * 4, token * 4 + 4),
      ]);
      assertClose(attendPooled(qkv, batch, TWO_HEADS), pooled, 1e-15);
    }
  });

  it('drop probabilities by the counter (query * heads + head) * stride + key', () => {
    // Queries of zero give every visible key the same probability, and unit vectors as values show the weight of
    // each key.
    const heads = 2;
    const lengths = [4, 3];
    const width = 4;
    const site = { site: 6, probability: 0.5 };
    const key = dropoutKey(DROPOUT.seed, DROPOUT.pass, site.site);
    const qkv = new Float64Array(7 * 3 * heads * width);
    const batch = packRows(lengths.map((length) => rowOf(length)));
    for (let n = 0; n < 7; n++) {
      for (let head = 0; head < heads; head++)
        qkv[n * 3 * heads * width + 2 * heads * width + head * width + batch.positionIds[n]] = 1;
    }
    const expected = (index: number, position: number): number[] =>
      Array.from({ length: heads * width }, (_, c) => {
        const [head, j] = [Math.floor(c / width), c % width];
        return j > position
          ? 0
          : dropoutFactor(key, (index * heads + head) * ATTENTION_STRIDE + j, site.probability) /
              (position + 1);
      });
    const attributes = { heads, scale: 1, dropout: site };
    assertClose(
      attend(qkv, batch, attributes),
      [...batch.positionIds].flatMap((position, n) => expected(n, position)),
      1e-15,
    );
    assertClose(attendPooled(qkv, batch, attributes), [...expected(0, 3), ...expected(1, 2)], 1e-15);
  });
});
