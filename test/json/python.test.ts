import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { dumps, float, pythonFloat } from '#attune/json/python.js';

interface Golden {
  readonly floats: readonly (readonly [bits: string, repr: string])[];
  readonly text: string;
  readonly text_dumped: string;
  readonly nested_dumped: string;
  readonly flat_dumped: string;
}
const golden = JSON.parse(
  readFileSync(new URL('../fixtures/json/python.json', import.meta.url), 'utf8'),
) as Golden;

describe('pythonFloat', () => {
  it('prints floats as Python does', () => {
    assert.ok(golden.floats.length > 200);
    for (const [bits, repr] of golden.floats)
      assert.equal(pythonFloat(Buffer.from(bits, 'hex').readDoubleBE()), repr);
    assert.equal(pythonFloat(NaN), 'NaN');
    assert.equal(pythonFloat(-Infinity), '-Infinity');
  });

  it('prints floats that read back as the same double', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (x) => {
        assert.ok(Object.is(Number(pythonFloat(x)), x));
        assert.match(pythonFloat(x), /[.e]/);
      }),
    );
  });
});

describe('dumps', () => {
  it('lays out strings, objects and arrays as json.dumps does', () => {
    assert.equal(dumps(golden.text), golden.text_dumped);
    const nested = { b: [1, float(2), null, true, [], {}], a: { z: -3, y: 'x', B: [{ k: 1e-5 }] } };
    assert.equal(dumps(nested, { indent: 2, sortKeys: true }), golden.nested_dumped);
    assert.equal(dumps({ b: [1, float(2)], a: { c: [] } }), golden.flat_dumped);
  });

  it('keeps integers as integers and floats as floats', () => {
    assert.equal(
      dumps({ step: 10, epoch: float(1), rate: 9e-7, none: float(null) }),
      '{"step": 10, "epoch": 1.0, "rate": 9e-07, "none": null}',
    );
  });

  it('writes JSON that parses as the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        assert.deepEqual(JSON.parse(dumps(value as never, { indent: 2 })), JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
