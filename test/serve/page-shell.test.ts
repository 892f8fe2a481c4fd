/** What the page makes of the terms of an error. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { errorHint, errorSentence } from '#attune/errors/shell.js';
import { FOLDERS, LABELS, PAGE, pageFacts, pageHint } from '#attune/serve/page-shell.js';

const html = readFileSync(new URL('../../src/serve/page/index.html', import.meta.url), 'utf8');

describe('PAGE', () => {
  it('calls an argument by the label of its field', () => {
    const error = {
      code: 'max-length-exceeds-positions',
      facts: { given: 65, limit: 64 },
    } as const;
    assert.match(errorSentence(error, PAGE), /^“Tokens a row at most” is 65, /);
    assert.match(errorHint(error, PAGE), /“Tokens a row at most”: 64/);
  });

  for (const [argument, label] of Object.entries(LABELS))
    it(`has a label of the page for ${argument}`, () => assert.ok(html.includes(label), label));
});

describe('pageHint', () => {
  it('leaves a hint as it is that speaks of fields of the page', () =>
    assert.equal(
      pageHint(({ given }) => `Use ${given('seed', 7)}.`),
      'Use “Seed”: 7.',
    ));

  it('adds which arguments can only be set on Node, each once', () =>
    assert.equal(
      pageHint(
        ({ argument, given }) =>
          `Give ${given('maxSteps', 9)}, or set ${argument('outputDir')} and ${argument('maxSteps')}.`,
      ),
      'Give maxSteps: 9, or set outputDir and maxSteps. ' +
        'This page has no setting for maxSteps, outputDir; attune on Node has.',
    ));

  it('takes the names of what every object has for arguments without a field', () =>
    assert.match(
      pageHint(({ argument }) => argument('constructor')),
      /^constructor This page has no setting/,
    ));
});

describe('pageFacts', () => {
  it('removes the folders of the page from names of files, at any depth', () =>
    assert.deepEqual(
      pageFacts({
        file: `${FOLDERS.evaluationRows}/rows.csv`,
        files: [`${FOLDERS.rows}/pasted.csv`, `${FOLDERS.run}/checkpoint-4`],
        place: { file: `${FOLDERS.model}/config.json`, line: 3 },
      }),
      {
        file: 'rows.csv',
        files: ['pasted.csv', 'checkpoint-4'],
        place: { file: 'config.json', line: 3 },
      },
    ));

  it('leaves every other fact as it is', () => {
    const facts = {
      given: 3,
      on: true,
      none: null,
      absent: undefined,
      text: 'my data/rows.csv',
      folder: '/run',
    };
    assert.deepEqual(pageFacts(facts), facts);
  });
});
