/** The WebAssembly kernels against the same formulas in float64, and where tensors lie in their memory. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { TrainingError } from '#attune/errors/attune-error.js';
import { Bank, SCRATCH_FLOATS, placeTensors } from '#attune/engine/onnx/memory.js';
import { adamWStep } from '#attune/engine/reference/adamw.js';
import { ATTENTION_STRIDE, dropoutFactor, dropoutKey, dropoutThreshold } from '#attune/graph/dropout-mask.js';
import { assertClose } from '../../support/numbers.js';
import { Random } from '../../support/random.js';
import { refusal } from '../../support/refusal.js';

/** A region of a new bank that holds `values`, and a view of it. */
function placed(bank: Bank, values: ArrayLike<number>): { offset: number; view: Float32Array } {
  const offset = bank.allocate(values.length);
  const view = bank.view(offset, values.length);
  view.set(values);
  return { offset, view };
}

describe('adamw', () => {
  it('matches AdamW in float64 over 50 steps, to the rounding of float32', () => {
    const random = new Random(1);
    const n = 20;
    const bank = new Bank(5 * Bank.bytesFor(n));
    const initial = Float32Array.from(random.normals(n));
    const [p, g, m, v] = [initial, new Float32Array(n), new Float32Array(n), new Float32Array(n)].map(
      (values) => placed(bank, values),
    );
    const expected = {
      parameter: Float64Array.from(initial),
      gradient: new Float64Array(n),
      moment1: new Float64Array(n),
      moment2: new Float64Array(n),
    };
    for (let step = 1; step <= 50; step++) {
      const settings = {
        learningRate: 0.01 / step,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weightDecay: 0.1,
        maxGradNorm: 1,
        step,
      };
      // From tiny to large gradients: the second moment spans many powers of ten.
      g.view.set(random.normals(n).map((value, i) => value * 10 ** ((i % 7) - 4)));
      expected.gradient.set(g.view);
      const clip = 1 / (1 + step);
      bank.kernels.adamw(
        p.offset,
        g.offset,
        m.offset,
        v.offset,
        n,
        clip,
        0.9,
        0.999,
        Math.fround(1 - settings.learningRate * 0.1),
        settings.learningRate / (1 - 0.9 ** step),
        1 / Math.sqrt(1 - 0.999 ** step),
        1e-8,
      );
      adamWStep(expected, settings, true, clip);
    }
    assertClose(p.view, expected.parameter, 2e-6, 'parameter');
    assertClose(
      m.view.map((value, i) => value / expected.moment1[i]),
      new Float32Array(n).fill(1),
      1e-5,
      'relative first moment',
    );
    assertClose(
      v.view.map((value, i) => value / expected.moment2[i]),
      new Float32Array(n).fill(1),
      2e-6,
      'relative second moment',
    );
  });

  it('changes only its own block, and keeps the zeros that pad a tensor', () => {
    const bank = new Bank(4096);
    const [p, g, m, v] = [3, 5, 7, 9].map((value) => placed(bank, new Float32Array(16).fill(value)));
    for (const { view } of [p, g, m, v]) view.fill(0, 4, 8);
    bank.kernels.adamw(p.offset, g.offset, m.offset, v.offset, 8, 1, 0.9, 0.999, 0.9, 0.1, 1, 1e-8);
    for (const [i, { view }] of [p, g, m, v].entries()) {
      assert.deepEqual([...view.subarray(4, 8)], [0, 0, 0, 0]);
      assert.deepEqual([...view.subarray(8)], new Array<number>(8).fill([3, 5, 7, 9][i]));
    }
    assert.notEqual(p.view[0], 3);
  });
});

describe('sumOfSquares', () => {
  it('is within 1e-6 of float64 at every length and across block borders', () => {
    const random = new Random(2);
    for (const n of [4, 8, 12, 1020, 1024, 1028, 4096, 100_000]) {
      const values = Float32Array.from(random.normals(n));
      const bank = new Bank(Bank.bytesFor(n));
      const { offset } = placed(bank, values);
      const expected = values.reduce((sum, value) => sum + value * value, 0);
      assertClose([bank.kernels.sumOfSquares(offset, n) / expected], [1], 1e-6, `of ${n}`);
    }
  });

  it('is not finite if a value is not, or if a square overflows', () => {
    for (const value of [NaN, Infinity, -Infinity, 3e38]) {
      const bank = new Bank(1024);
      const { offset, view } = placed(bank, new Float32Array(64).fill(1));
      view[37] = value;
      assert.equal(Number.isFinite(bank.kernels.sumOfSquares(offset, 64)), false, String(value));
    }
  });
});

describe('accumulate', () => {
  it('adds as many values of the source to the target as it is asked to', () => {
    const bank = new Bank(1024);
    const [target, source] = [
      [1, 2, 3, 4, 5, 6, 7, 8],
      [0.5, 0, -3, 1e8, 1, 1, 1, 1],
    ].map((values) => placed(bank, values));
    bank.kernels.accumulate(target.offset, source.offset, 4);
    assert.deepEqual([...target.view], [1.5, 2, 0, Math.fround(4 + 1e8), 5, 6, 7, 8]);
  });
});

describe('decayRows', () => {
  it('multiplies by one factor after the other, rounding each product to float32', () => {
    const random = new Random(3);
    const bank = new Bank(1024);
    const values = Float32Array.from(random.normals(12));
    const { offset, view } = placed(bank, values);
    const factors = Float32Array.from({ length: 500 }, (_, i) => 1 - 1e-3 / (i + 1));
    bank.scratch.set(factors);
    bank.kernels.decayRows(offset, 8, 0, factors.length);
    assert.deepEqual(
      view.subarray(0, 8),
      values.subarray(0, 8).map((value) => factors.reduce((p, factor) => Math.fround(p * factor), value)),
    );
    assert.deepEqual(view.subarray(8), values.subarray(8));
  });
});

describe('dropoutFactors', () => {
  it('writes the factors of dropoutFactor, also when counters wrap at 2^32', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        fc.nat(1000),
        fc.nat(50),
        fc.oneof(fc.nat(5000), fc.integer({ min: 2 ** 32 - 40, max: 2 ** 32 - 1 })),
        fc.constantFrom(0.1, 0.5, 0.9, 1e-9),
        (seed, pass, site, first, probability) => {
          const n = 64;
          const bank = new Bank(Bank.bytesFor(n));
          const { offset, view } = placed(bank, new Float32Array(n).fill(-1));
          const key = dropoutKey(seed, pass, site);
          bank.kernels.dropoutFactors(
            offset,
            n,
            first,
            key.key0,
            key.key1,
            dropoutThreshold(probability),
            1 / (1 - probability),
          );
          assert.deepEqual(
            view,
            Float32Array.from({ length: n }, (_, i) =>
              dropoutFactor(key, (first + i) % 2 ** 32, probability),
            ),
          );
        },
      ),
    );
  });
});

describe('attentionFactors', () => {
  it('writes the factors of each query at [head, query, key]', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 5 }),
        fc.nat(3),
        fc.nat(2000),
        fc.integer(),
        (longest, heads, padding, firstQuery, seed) => {
          const queries = Math.max(1, longest - padding);
          const bank = new Bank(Bank.bytesFor(heads * longest * longest + 4));
          const { offset, view } = placed(bank, new Float32Array(heads * longest * longest + 4));
          const key = dropoutKey(seed, 1, 2);
          bank.kernels.attentionFactors(
            offset,
            firstQuery,
            queries,
            longest,
            heads,
            longest,
            ATTENTION_STRIDE,
            key.key0,
            key.key1,
            dropoutThreshold(0.3),
            1 / 0.7,
          );
          for (let h = 0; h < heads; h++) {
            for (let q = 0; q < queries; q++) {
              for (let k = 0; k < longest; k++) {
                const counter = ((firstQuery + q) * heads + h) * ATTENTION_STRIDE + k;
                assert.equal(
                  view[(h * longest + q) * longest + k],
                  Math.fround(dropoutFactor(key, counter, 0.3)),
                );
              }
            }
          }
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('placeTensors', () => {
  it('lays the tensors of a model into one bank, aligned, without overlap', () => {
    const sizes = [1, 3, 16, 17, 1000, 5];
    const regions = placeTensors(sizes);
    const taken: [number, number][] = [[0, SCRATCH_FLOATS * 4]];
    for (const [
      i,
      { bank, floats, padded, parameter, gradient, moment1, moment2, incoming },
    ] of regions.entries()) {
      assert.equal(bank, regions[0].bank);
      assert.equal(floats, sizes[i]);
      assert.equal(padded, Math.ceil(sizes[i] / 4) * 4);
      for (const offset of [parameter, gradient, moment1, moment2, incoming]) {
        assert.equal(offset % 16, 0);
        taken.push([offset, offset + padded * 4]);
      }
    }
    taken.sort(([a], [b]) => a - b);
    for (const [i, [from]] of taken.entries()) if (i > 0) assert.ok(from >= taken[i - 1][1]);
    assert.ok(taken.at(-1)![1] <= regions[0].bank.memory.buffer.byteLength);
  });

  it('opens further banks, in order, for tensors that do not fit, and refuses one beyond 4 GiB', () => {
    // 5 regions each: 60 million floats are 1.1 GiB, which is reserved and never touched.
    const regions = placeTensors([100, 60_000_000, 100, 200]);
    const banks = [...new Set(regions.map(({ bank }) => bank))];
    assert.deepEqual(
      regions.map(({ bank }) => banks.indexOf(bank)),
      [0, 1, 2, 2],
    );
    const { bank, incoming, floats } = regions[1];
    assert.ok(incoming + floats * 4 <= bank.memory.buffer.byteLength);
    assert.throws(
      () => placeTensors([250_000_000]),
      refusal(TrainingError, 'cpu-tensor-too-large', { bytes: 5e9, limit: 2 ** 32 }),
    );
  });
});
