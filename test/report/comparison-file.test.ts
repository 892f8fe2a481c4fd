import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DataError } from '#attune/errors.js';
import { parseComparison } from '#attune/report/comparison-file.js';
import { comparisonFixture } from '../support/comparison.js';

const whole = comparisonFixture({ testRows: 12, trainRows: 20, errors: 1 });
const refusal = (value: unknown): string => {
  try {
    parseComparison(typeof value === 'string' ? value : JSON.stringify(value), 'comparison.json');
  } catch (error) {
    assert.ok(error instanceof DataError, String(error));
    assert.ok(error.hint?.includes('attune compare'));
    return error.message;
  }
  return 'accepted';
};
/** The fixture with one place changed: a path of keys, and what to put there; undefined takes it away. */
const changed = (path: readonly (string | number)[], value: unknown): unknown => {
  const copy = structuredClone(whole) as unknown as Record<string | number, unknown>;
  const parent = path.slice(0, -1).reduce((at, key) => at[key] as Record<string | number, unknown>, copy);
  if (value === undefined) delete parent[path.at(-1)!];
  else parent[path.at(-1)!] = value;
  return copy;
};

test('what was written is read back; keys it does not know are left out', () => {
  assert.deepEqual(parseComparison(JSON.stringify(whole), 'f'), whole);
  assert.deepEqual(parseComparison(JSON.stringify({ ...whole, later: 1 }), 'f'), whole);
});

test('what is wrong is named with its place', () => {
  const cases: readonly (readonly [unknown, string])[] = [
    ['{"version": 1,', 'comparison.json:1:15: expected a property name in double quotes, found the end of the text'],
    [[], 'comparison.json: expected an object, found a list'],
    [{}, 'comparison.json: version: is missing; expected 1'],
    [changed(['version'], 2), 'comparison.json: version: expected 1, found 2'],
    [changed(['models', 2, 'f1', 'value'], 'high'), 'comparison.json: models[2].f1.value: expected a number, found "high"'],
    [changed(['models', 0, 'interpretability', 'level'], 'none'), 'comparison.json: models[0].interpretability.level: expected "high" or "medium" or "low", found "none"'],
    [changed(['models', 1, 'id'], whole.models[0].id), `comparison.json: models[1].id: "${whole.models[0].id}" is the id of an earlier model, too`],
    [changed(['models', 0, 'confusion', 1], [1]), 'comparison.json: models[0].confusion[1]: has 1 entries, but there are 3 classes'],
    [changed(['models', 0, 'classes', 0, 'auc'], 1.5), 'comparison.json: models[0].classes[0].auc: expected a number from 0 to 1, found 1.5'],
    [changed(['models'], []), 'comparison.json: models: expected at least one model'],
    [changed(['dataset', 'testLabels', 3], 7), 'comparison.json: dataset.testLabels[3]: is class 7, but there are 3 classes'],
    [changed(['dataset', 'testRows'], 13), 'comparison.json: dataset.testLabels: has 12 entries, but there are 13 test rows'],
    [changed(['verdict', 'best'], 'oracle'), 'comparison.json: verdict.best: "oracle" is the id of no model'],
    [changed(['worstErrors', 0, 'opinions', 'a model'], { label: 0 }), 'comparison.json: worstErrors[0].opinions["a model"].probabilityOfTruth: is missing; expected a number'],
    [changed(['words', 0, 'contextualNeighbours', 0, 'occurrence'], 99), 'comparison.json: words[0].contextualNeighbours[0].occurrence: is occurrence 99, but there are 24'],
    [changed(['logHistory', 0], { step: 3 }), 'comparison.json: logHistory[0]: is no record of a run: it has none of loss, eval_loss, train_runtime'],
    [JSON.stringify(whole).replace('"seed":42', '"seed":1e999'), 'comparison.json: seed: expected a number, found Infinity'],
  ];
  for (const [value, message] of cases) assert.equal(refusal(value), message);
});

test('any place taken away or replaced is refused or harmless, never a crash', () => {
  const paths: (string | number)[][] = [];
  const walk = (value: unknown, path: (string | number)[]): void => {
    if (path.length > 0) paths.push(path);
    if (typeof value === 'object' && value !== null) for (const [key, item] of Object.entries(value)) walk(item, [...path, Array.isArray(value) ? Number(key) : key]);
  };
  walk(whole, []);
  fc.assert(
    fc.property(fc.constantFrom(...paths), fc.oneof(fc.constant(undefined), fc.jsonValue()), (path, value) => {
      refusal(changed(path, value));
    }),
    { numRuns: 300 },
  );
});
