import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  bytes,
  duration,
  fixed,
  grouped,
  listed,
  shortened,
  signed,
  significant,
} from '#attune/report/figures.js';

describe('fixed', () => {
  it('rounds to three decimals or as given, with a dash for null and no negative zero', () => {
    assert.deepEqual(
      [fixed(0.8765), fixed(null), fixed(-0.0001), fixed(-0.25, 2)],
      ['0.876', '–', '0.000', '−0.25'],
    );
  });
});

describe('signed', () => {
  it('puts a sign before any number but zero', () => {
    assert.deepEqual(
      [signed(0.0213), signed(-0.0213), signed(0.0001), signed(-0.0001)],
      ['+0.021', '−0.021', '0.000', '0.000'],
    );
  });
});

describe('significant', () => {
  it('rounds to three significant digits and groups thousands', () => {
    assert.deepEqual(
      [significant(0), significant(0.012345), significant(123.6), significant(1234567), significant(0.1)],
      ['0', '0.0123', '124', '1\u202f234\u202f567', '0.1'],
    );
  });
});

describe('grouped', () => {
  it('leaves a number below a thousand as it is', () => {
    assert.equal(grouped(999), '999');
  });
});

describe('duration', () => {
  it('takes milliseconds, seconds, minutes or hours by size', () => {
    assert.deepEqual([0, 0.00002, 0.0312, 1.44, 59.7, 145.2, 7261].map(duration), [
      '0 ms',
      '0.02 ms',
      '31 ms',
      '1.4 s',
      '60 s',
      '2 min 25 s',
      '2 h 1 min',
    ]);
  });
});

describe('bytes', () => {
  it('takes bytes, kB, MB or GB by size', () => {
    assert.deepEqual([0, 812, 999, 1000, 999_600, 55_611_002, 1.1e9].map(bytes), [
      '0 B',
      '812 B',
      '999 B',
      '1 kB',
      '1 MB',
      '55.6 MB',
      '1.1 GB',
    ]);
  });
});

describe('shortened', () => {
  it('cuts a text at a number of characters, without a space before the ellipsis', () => {
    assert.deepEqual(
      [shortened('short', 5), shortened('😀😀😀', 2), shortened('one two', 5)],
      ['short', '😀…', 'one…'],
    );
  });
});

describe('listed', () => {
  it('joins items with commas and "and"', () => {
    assert.deepEqual([listed([]), listed(['a']), listed(['a', 'b', 'c'])], ['', 'a', 'a, b and c']);
  });
});
