import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Comparison } from '#attune/compare/comparison.js';
import { DataError } from '#attune/errors/attune-error.js';
import { parseComparison } from '#attune/report/comparison-file.js';
import { comparisonDocument } from '#attune/report/document.js';
import { comparisonFixture } from '../support/comparison.js';
import { refusal } from '../support/refusal.js';

const whole = comparisonFixture({ testRows: 12, trainRows: 20, errors: 1 });
const FILE = 'comparison.json';
/** @param value what the file holds: text, or what is written as JSON */
const parse = (value: unknown): Promise<Comparison> =>
  parseComparison(typeof value === 'string' ? value : JSON.stringify(value), FILE);
/** The fixture with the value at a path of keys replaced, or removed if it is undefined. */
const changed = (path: readonly (string | number)[], value: unknown): unknown => {
  const copy = structuredClone(whole) as unknown as Record<string | number, unknown>;
  const parent = path.slice(0, -1).reduce((at, key) => at[key] as Record<string | number, unknown>, copy);
  if (value === undefined) delete parent[path.at(-1)!];
  else parent[path.at(-1)!] = value;
  return copy;
};

describe('parseComparison', () => {
  it('reads back what was written, without keys that it does not know', async () => {
    assert.deepEqual(await parseComparison(JSON.stringify(whole), 'f'), whole);
    assert.deepEqual(await parseComparison(JSON.stringify({ ...whole, later: 1 }), 'f'), whole);
  });

  it('reads a version 2 file without seeds', async () => {
    assert.equal(
      (await parseComparison(JSON.stringify(changed(['verdict', 'seeds'], undefined)), 'f')).verdict.seeds,
      null,
    );
  });

  it('recomputes the verdict of a version 1 file from its predictions', async () => {
    const models = whole.models.map((model) => ({
      ...model,
      againstBest: undefined,
      paired: null,
      f1: { value: 0.5, low: 0.5, high: 0.5 },
    }));
    const earlier = {
      ...whole,
      version: 1,
      models,
      verdict: { best: 'majority', simplestWithinNoise: 'majority', sentences: ['Take the majority.'] },
    };
    const { version, models: judged, verdict } = await parseComparison(JSON.stringify(earlier), 'f');
    assert.equal(version, 2);
    assert.deepEqual(
      judged.map(({ id, f1 }) => [id, f1.value!.toFixed(9)]).sort(),
      whole.models.map(({ id, f1 }) => [id, f1.value!.toFixed(9)]).sort(),
    );
    assert.equal(verdict.best, judged[0].id);
    assert.equal(verdict.margin, 0.02);
    assert.ok(
      judged.every(({ f1 }) => f1.low! < f1.value!) &&
        verdict.sentences.length > 3 &&
        !verdict.sentences.includes('Take the majority.'),
    );
  });

  it('refuses a wrong value and names its place', async () => {
    const cases: readonly (readonly [value: unknown, field: string, problem: string])[] = [
      [[], '', 'expected an object, found a list'],
      [{}, 'version', 'is missing; expected 1 or 2'],
      [changed(['version'], 3), 'version', 'expected 1 or 2, found 3'],
      [
        changed(['models', 2, 'f1', 'value'], 'high'),
        'models[2].f1.value',
        'expected a number, found "high"',
      ],
      [
        changed(['models', 0, 'interpretability', 'level'], 'none'),
        'models[0].interpretability.level',
        'expected "high" or "medium" or "low", found "none"',
      ],
      [
        changed(['models', 1, 'id'], whole.models[0].id),
        'models[1].id',
        `"${whole.models[0].id}" is the id of an earlier model, too`,
      ],
      [
        changed(['models', 0, 'confusion', 1], [1]),
        'models[0].confusion[1]',
        'has 1 entries, but there are 3 classes',
      ],
      [
        changed(['models', 0, 'classes', 0, 'auc'], 1.5),
        'models[0].classes[0].auc',
        'expected a number from 0 to 1, found 1.5',
      ],
      [changed(['models'], []), 'models', 'expected at least one model'],
      [
        changed(['dataset', 'testLabels', 3], 7),
        'dataset.testLabels[3]',
        'is class 7, but there are 3 classes',
      ],
      [
        changed(['dataset', 'testRows'], 13),
        'dataset.testLabels',
        'has 12 entries, but there are 13 test rows',
      ],
      [changed(['verdict', 'best'], 'oracle'), 'verdict.best', '"oracle" is the id of no model'],
      [
        changed(['verdict', 'recommended'], 'oracle'),
        'verdict.recommended',
        '"oracle" is the id of no model',
      ],
      [
        changed(['verdict', 'choices', 0, 'model'], 'oracle'),
        'verdict.choices[0].model',
        '"oracle" is the id of no model',
      ],
      [
        changed(['models', 3, 'againstBest'], null),
        'models[3].againstBest',
        'is null, but there are other models',
      ],
      [
        changed(['models', 0, 'againstBest', 'mayBeBest'], 1),
        'models[0].againstBest.mayBeBest',
        'expected true or false, found 1',
      ],
      [
        changed(['models', 1, 'predictions', 'labels', 2], 3),
        'models[1].predictions.labels[2]',
        'is class 3, but there are 3 classes',
      ],
      [
        changed(['models', 1, 'predictions', 'probabilities', 2], [1]),
        'models[1].predictions.probabilities[2]',
        'has 1 entries, but there are 3 classes',
      ],
      [
        changed(['verdict', 'bestSet'], []),
        'verdict.bestSet',
        'does not name the models that may be the best',
      ],
      [
        changed(['verdict', 'simplestFirst', 0], whole.verdict.simplestFirst[1]),
        'verdict.simplestFirst',
        'does not name each model once',
      ],
      [
        changed(['verdict', 'best'], whole.models[1].id),
        'verdict.best',
        `is not the first of the models, "${whole.models[0].id}"`,
      ],
      [
        changed(['verdict', 'recommended'], 'majority'),
        'verdict.recommended',
        '"majority" is not within the margin',
      ],
      [changed(['verdict', 'margin'], 0), 'verdict.margin', 'expected a number between 0 and 1'],
      [changed(['verdict', 'low'], 1), 'verdict.low', 'its bounds do not lie on either side of it'],
      [changed(['models', 2, 'f1', 'low'], 2), 'models[2].f1', 'its bounds do not lie on either side of it'],
      [
        changed(['models', 2, 'againstBest', 'high'], -2),
        'models[2].againstBest',
        'its bounds do not lie on either side of it',
      ],
      [
        changed(['verdict', 'seeds', 'runs'], whole.verdict.seeds!.runs.slice(1)),
        'verdict.seeds.runs',
        'expected at least two',
      ],
      [
        changed(['verdict', 'seeds', 'runs', 0, 'f1'], 0.5),
        'verdict.seeds.runs[0].f1',
        'is not that of the fine-tuned model',
      ],
      [
        changed(['verdict', 'seeds', 'highest'], 9),
        'verdict.seeds.highest',
        'is not what follows from the runs',
      ],
      [changed(['seed'], 0.5), 'seed', 'expected a whole number'],
      [
        changed(['worstErrors', 0, 'opinions', 'a model'], { label: 0 }),
        'worstErrors[0].opinions["a model"].probabilityOfTruth',
        'is missing; expected a number',
      ],
      [
        changed(['words', 0, 'contextualNeighbours', 0, 'occurrence'], 99),
        'words[0].contextualNeighbours[0].occurrence',
        'is occurrence 99, but there are 24',
      ],
      [
        changed(['logHistory', 0], { step: 3 }),
        'logHistory[0]',
        'is no record of a run: it has none of loss, eval_loss, train_runtime',
      ],
      [
        JSON.stringify(whole).replace('"seed":42', '"seed":1e999'),
        'seed',
        'expected a number, found Infinity',
      ],
    ];
    for (const [value, field, problem] of cases) {
      const error = refusal(DataError, 'comparison-file-invalid', { file: FILE, field, problem });
      await assert.rejects(parse(value), error);
    }
  });

  it('refuses a text that is not JSON and names its line and column', () =>
    assert.rejects(
      parse('{"version": 1,'),
      refusal(DataError, 'comparison-file-syntax', {
        file: FILE,
        line: 1,
        column: 15,
        reason: 'expected a property name in double quotes, found the end of the text',
      }),
    ));

  it('refuses a file with any value changed, or returns a comparison that the report can show', async () => {
    const paths: (string | number)[][] = [];
    const walk = (value: unknown, path: (string | number)[]): void => {
      if (path.length > 0) paths.push(path);
      if (typeof value === 'object' && value !== null)
        for (const [key, item] of Object.entries(value))
          walk(item, [...path, Array.isArray(value) ? Number(key) : key]);
    };
    walk(whole, []);
    for (const version of [1, 2]) {
      const property = fc.asyncProperty(
        fc.oneof(
          { weight: 4, arbitrary: fc.constantFrom(...paths) },
          { weight: 1, arbitrary: fc.constantFrom(...paths.filter(([first]) => first === 'verdict')) },
        ),
        fc.oneof(fc.constant(undefined), fc.jsonValue()),
        async (path, value) => {
          const copy = changed(path, value) as Record<string, unknown>;
          const asked = path[0] === 'version' ? copy : { ...copy, version };
          const found = await parse(asked).catch(refusal(DataError, 'comparison-file-invalid'));
          if (found !== true) comparisonDocument(found);
        },
      );
      await fc.assert(property, { numRuns: version === 1 ? 10 : 150 });
    }
  });
});
