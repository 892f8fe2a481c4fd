/** The section on the fine-tuning, from log entries that another program may have written. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseHTML } from 'linkedom';
import { parseComparison } from '#attune/report/comparison-file.js';
import { comparisonDocument, runDocument } from '#attune/report/document.js';
import type { LogRecord } from '#attune/train/records.js';
import { comparisonFixture } from '../support/comparison.js';

interface Element {
  readonly textContent: string;
  querySelectorAll(selector: string): Iterable<Element>;
}
/** Texts of the elements in that section of a page. */
const texts = (page: string, selector: string): string[] => {
  const { document } = parseHTML(page) as unknown as { readonly document: Element };
  return [...document.querySelectorAll(`#learning ${selector}`)].map(({ textContent }) => textContent);
};

const evaluation = { eval_loss: 0.5, eval_: 0.25, eval_constructor: 0.75, eval_f1: 0.5, epoch: 1, step: 3 };
const TITLES = ['Step', 'Epoch', 'Loss', 'Eval_', 'Constructor', 'F1'];
const CELLS = ['3', '1.00', '0.5000', '0.2500', '0.7500', '0.5000'];

describe('learningSection', () => {
  it('shows metrics of a run without a name, or with that of a property of every object', () => {
    const page = runDocument('run', [evaluation as unknown as LogRecord]);
    assert.deepEqual(texts(page, 'thead th'), TITLES);
    assert.deepEqual(texts(page, 'tbody tr > *'), CELLS);
  });

  it('shows such metrics of a comparison that was read from a file', async () => {
    const comparison = { ...comparisonFixture({ testRows: 12, trainRows: 20 }), logHistory: [evaluation] };
    const page = comparisonDocument(await parseComparison(JSON.stringify(comparison), 'comparison.json'));
    assert.deepEqual(texts(page, 'thead th'), TITLES);
    assert.deepEqual(texts(page, 'tbody tr > *'), CELLS);
  });

  it('shows a dash or "undefined" for what a log entry lacks or has as null', () => {
    const history = [
      { eval_loss: null, eval_f1: null, epoch: null, step: 3 },
      { eval_loss: 0.5, step: 6 },
      { train_runtime: null, train_loss: null, step: 6 },
    ] as unknown as LogRecord[];
    const page = runDocument('run', history);
    assert.deepEqual(texts(page, 'tbody tr > *'), [
      '3',
      '–',
      '–',
      'undefined',
      '6',
      '–',
      '0.5000',
      'undefined',
    ]);
    assert.equal(texts(page, 'p')[0], '6 steps; mean training loss –.');
  });
});
