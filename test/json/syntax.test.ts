import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { jsonValue, parseJson } from '#attune/json/syntax.js';

const cases: readonly [text: string, line: number, column: number, message: RegExp][] = [
  ['', 1, 1, /expected a value, found the end of the text/],
  ['{a: 1}', 1, 2, /expected a property name in double quotes, found "a"/],
  ['{\n  "a": 1,\n}', 2, 9, /a comma before "}" is not allowed/],
  ['{\n  "a": 1\n  "b": 2\n}', 3, 3, /expected "," or "}", found "\\""/],
  ['{"a": tru}', 1, 7, /expected a value, found "t"/],
  ['{"a": 01}', 1, 8, /expected "," or "}", found "1"/],
  ['{"a" 1}', 1, 6, /expected ":" after the property name, found "1"/],
  ['[1, 2', 1, 6, /expected "," or "\]", found the end of the text/],
  ['{"a": "x\r\n"}', 1, 9, /a string runs past the end of its line/],
  ['{"a": "x', 1, 7, /a string is not closed/],
  ['{"a": "\\x"}', 1, 8, /unknown escape/],
  ['{} {}', 1, 4, /more after the end of the value/],
  ['\uFEFF{,}', 1, 2, /expected a property name/],
  ['{"a": \u{1F600}}', 1, 7, /found "\u{1F600}"/u],
];

describe('parseJson', () => {
  it('reports line and column of a syntax error', () => {
    for (const [text, line, column, message] of cases) {
      const result = parseJson(text);
      assert.ok('error' in result, text);
      assert.deepEqual([result.error.line, result.error.column], [line, column], text);
      assert.match(result.error.message, message);
    }
  });

  it('skips a byte order mark', () => {
    assert.deepEqual(parseJson('\uFEFF{"a": [1]}'), { value: { a: [1] } });
  });

  it('finds an error if and only if JSON.parse does', () => {
    const mutated = fc
      .tuple(fc.json(), fc.nat(), fc.constantFrom('', ',', '"', '}', '1', '\n', '\\', 'x'))
      .map(([text, at, put]) => {
        const i = at % (text.length + 1);
        return text.slice(0, i) + put + text.slice(i + 1);
      });
    fc.assert(
      fc.property(mutated, (text) => {
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        const result = parseJson(text);
        assert.equal('value' in result, valid, text);
        // The scanner's own messages are in lower case; a message of JSON.parse here would mean that the
        // scanner found nothing.
        if ('error' in result) assert.match(result.error.message, /^[a-z]/, text);
      }),
      { numRuns: 500 },
    );
  });

  it('refuses values nested more than 512 levels deep', () => {
    const nested = (levels: number): string =>
      `{"a": "[[{\\"[", "b": ${'['.repeat(levels)}${']'.repeat(levels)}}`;
    assert.ok('value' in parseJson(nested(511)));
    for (const text of [nested(512), nested(300_000), '['.repeat(300_000), '{"a":'.repeat(300_000)]) {
      const parsed = parseJson(text);
      assert.ok('error' in parsed);
      assert.equal(parsed.error.message, 'nested more than 512 levels deep');
      assert.equal(parsed.error.line, 1);
      assert.throws(() => jsonValue(text), /nested more than 512 levels deep/);
    }
    assert.deepEqual(jsonValue(nested(2)), { a: '[[{"[', b: [[]] });
  });
});
