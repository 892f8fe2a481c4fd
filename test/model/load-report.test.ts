import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadReport } from '#attune/model/load-report.js';
import { fixtureText } from '../support/fixtures.js';

/**
 * The golden report lists unexpected tensors in the order of a Python set, which changes from run to run:
 * give ours that order.
 */
function unexpectedAsIn(report: string): string[] {
  const extra = [
    ...[3, 1].map((layer) => `transformer.h.${layer}.adapter.weight`),
    ...Array.from({ length: 12 }, (_, layer) => `transformer.h.${layer}.crossattn.weight`),
    'extra',
  ];
  const lines = report.split('\n');
  const place = (name: string): number =>
    lines.findIndex(
      (line) => line.startsWith(name.slice(0, 5)) && line.includes(name.split('.').at(-2) ?? name),
    );
  return extra.sort((a, b) => place(a) - place(b));
}

describe('loadReport', () => {
  it("reports a missing head in transformers' words", () => {
    assert.equal(loadReport('my-model', ['score.weight'], []), fixtureText('model/load-report-missing.txt'));
  });

  for (const [name, missing] of [
    ['unexpected', []],
    ['both', ['score.weight']],
  ] as const) {
    it(`reports unexpected tensors in transformers' words, with layers merged (${name})`, () => {
      const golden = fixtureText(`model/load-report-${name}.txt`);
      assert.equal(loadReport('my-model', missing, unexpectedAsIn(golden)), golden);
    });
  }

  it('returns undefined if there is nothing to report', () =>
    assert.equal(loadReport('my-model', [], []), undefined));
});
