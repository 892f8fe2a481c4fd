import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseHTML } from 'linkedom';
import type { Comparison } from '#attune/compare/comparison.js';
import { comparisonDocument, runDocument } from '#attune/report/document.js';
import { signed } from '#attune/report/figures.js';
import { writeReport } from '#attune/report/page.js';
import { checkComparison } from '#attune/report/comparison-file.js';
import { comparisonFixture } from '../support/comparison.js';
import { folder, namesIn } from '../support/folder.js';

interface Element {
  readonly textContent: string;
  readonly tagName: string;
  getAttribute(name: string): string | null;
  getAttributeNames(): string[];
  querySelector(selector: string): Element | null;
  querySelectorAll(selector: string): Iterable<Element>;
}
const parsed = (text: string): Element => (parseHTML(text) as unknown as { document: Element }).document;
const all = (root: Element, selector: string): Element[] => [...root.querySelectorAll(selector)];
const texts = (root: Element, selector: string): string[] =>
  all(root, selector).map(({ textContent }) => textContent);

/** The comparison with every text of the data that the page shows replaced. */
function withTexts(comparison: Comparison, text: string): Promise<Comparison> {
  const ids = new Set(comparison.models.map(({ id }) => id));
  const replace = (value: unknown, key: string): unknown => {
    if (typeof value === 'string')
      return ['level', 'best', 'recommended', 'model', 'id', 'code'].includes(key) || ids.has(value)
        ? value
        : text;
    if (Array.isArray(value)) return value.map((item) => replace(item, key));
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, replace(item, name)]));
    return value;
  };
  return checkComparison(replace(comparison, ''));
}

const full = comparisonFixture();
const fullPage = parsed(comparisonDocument(full));
const small = comparisonFixture({ testRows: 20, trainRows: 30, errors: 1 });
/** The verdict of the small comparison if it had only these models. */
const verdictOver = (ids: readonly string[]): Comparison['verdict'] => ({
  ...small.verdict,
  best: ids[0],
  bestSet: [ids[0]],
  simplestFirst: ids,
  recommended: null,
  choices: [{ aim: 'quality', model: ids[0], reason: 'It is good.' }],
});
const SECTIONS = [
  'verdict',
  'models',
  'choose',
  'roc',
  'confusion',
  'calibration',
  'cost',
  'learning',
  'seeds',
  'data',
  'errors',
  'ngrams',
  'words',
  'made',
];

describe('comparisonDocument', () => {
  it('has every section in order, with a link to each', () => {
    assert.deepEqual(
      all(fullPage, 'section').map((section) => section.getAttribute('id')),
      SECTIONS,
    );
    assert.deepEqual(
      all(fullPage, 'nav a').map((link) => link.getAttribute('href')),
      SECTIONS.slice(1).map((id) => `#${id}`),
    );
  });

  it('shows the sentences and choices of the verdict', () => {
    const verdict = fullPage.querySelector('#verdict')!.textContent;
    for (const sentence of full.verdict.sentences) assert.ok(verdict.includes(sentence));
    const choices = texts(fullPage, '#choose tbody tr');
    full.verdict.choices.forEach(({ aim, model, reason }, i) => {
      for (const text of [aim, full.models.find(({ id }) => id === model)!.name, reason])
        assert.ok(choices[i].includes(text));
    });
  });

  it('draws F1 against the best and the metrics, with those under other seeds', () => {
    const labels = all(fullPage, '#verdict svg[role=img]').map((chart) => chart.getAttribute('aria-label')!);
    assert.equal(labels.length, 3);
    const [againstBest, f1, auc] = labels;
    assert.match(againstBest, /^F1 against the best of the others, with simultaneous 95 % bounds\. /);
    assert.match(f1, /Fine-tuned [^;]*, under other seeds 0\.800;/);
    assert.doesNotMatch(auc, /other seeds/);
  });

  it('lists the metrics of every model with their intervals', () => {
    const rows = texts(fullPage, '#models table:first-of-type tbody tr');
    full.models.forEach((model, i) => {
      assert.ok(
        rows[i].includes(model.name) &&
          rows[i].includes(model.f1.value!.toFixed(3)) &&
          rows[i].includes(`${model.auc.low!.toFixed(3)} to ${model.auc.high!.toFixed(3)}`),
      );
    });
    const [, bounds] = texts(fullPage, '#models table:first-of-type tbody tr:nth-of-type(2) .interval').slice(
      -2,
    );
    const { low, high } = full.models[1].againstBest!;
    assert.equal(bounds, `${signed(low)} to ${signed(high)}`);
  });

  it('shows curves, confusion matrices, errors and words of every model', () => {
    assert.equal(all(fullPage, '#roc svg[role=img]').length, 3);
    assert.equal(all(fullPage, '#confusion table').length, 8);
    assert.deepEqual(
      texts(fullPage, '#confusion table:first-of-type td').slice(0, 9),
      full.models[0].confusion.flat().map(String),
    );
    assert.equal(all(fullPage, '#calibration svg').length, 8);
    assert.equal(all(fullPage, '#learning svg').length, 4);
    assert.equal(all(fullPage, '#errors > ol > li').length, 6);
    assert.ok(
      texts(fullPage, '#errors blockquote')[0] === full.worstErrors[0].text,
      'the tokens add up to the text',
    );
    assert.equal(all(fullPage, '#words svg').length, 4);
  });

  it('lists the metrics under other seeds', () => {
    const seeds = texts(fullPage, '#seeds tbody tr');
    assert.equal(seeds.length, 2);
    assert.match(seeds[0], /^42 the model above/);
    assert.match(seeds[1], /^43\s*0\.810\s*0\.800\s*undefined$/);
  });

  it('is accessible: language, headings in order, captions, scopes, names of charts and regions', () => {
    const page = fullPage;
    for (const selector of ['table', 'th', 'figure svg', '[role=region]', '[id]'])
      assert.ok(all(page, selector).length > 0, selector);
    assert.equal(page.querySelector('html')!.getAttribute('lang'), 'en');
    assert.equal(all(page, 'h1').length, 1);
    const levels = all(page, 'h1,h2,h3,h4').map(({ tagName }) => Number(tagName[1]));
    levels.forEach((level, i) =>
      assert.ok(i === 0 ? level === 1 : level <= levels[i - 1] + 1, `heading ${i}`),
    );
    for (const table of all(page, 'table'))
      assert.ok(table.querySelector('caption')!.textContent.trim() !== '');
    for (const cell of all(page, 'th')) assert.match(cell.getAttribute('scope') ?? '', /^(col|row)$/);
    for (const svg of all(page, 'figure svg'))
      assert.ok(svg.getAttribute('role') === 'img' && (svg.getAttribute('aria-label') ?? '').length > 20);
    for (const region of all(page, '[role=region]'))
      assert.ok((region.getAttribute('aria-label') ?? '') !== '' && region.getAttribute('tabindex') === '0');
    const ids = all(page, '[id]').map((element) => element.getAttribute('id'));
    assert.equal(new Set(ids).size, ids.length);
  });

  it('has enough contrast for text and marks in both color schemes', () => {
    const css = /<style>([^]*?)<\/style>/.exec(comparisonDocument(small))![1];
    const schemes = [...css.matchAll(/:root \{[^]*?\n? *\}/g)].map(
      ([block]) =>
        new Map(
          [...block.matchAll(/--([a-z0-9-]+): (#[0-9a-f]{3,6});/g)].map(([, name, value]) => [name, value]),
        ),
    );
    assert.equal(schemes.length, 3);
    const luminance = (hex: string): number => {
      const full = hex.length === 4 ? hex.replace(/[0-9a-f]/g, '$&$&') : hex;
      const [r, g, b] = [1, 3, 5]
        .map((at) => parseInt(full.slice(at, at + 2), 16) / 255)
        .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    for (const scheme of schemes) {
      const contrast = (a: string, b: string): number => {
        const [x, y] = [a, b].map((name) => luminance(scheme.get(name)!) + 0.05);
        return Math.max(x, y) / Math.min(x, y);
      };
      // The series are text, too: numbers in badges and names at the ends of lines.
      for (const name of [
        'text',
        'soft',
        'link',
        ...Array.from({ length: 8 }, (_, i) => `series-${i + 1}`),
      ]) {
        for (const surface of ['surface', 'raised'])
          assert.ok(
            contrast(name, surface) >= 4.5,
            `${name} on ${surface}: ${contrast(name, surface).toFixed(2)}`,
          );
      }
    }
  });

  it('renders no text of the data as markup', async () => {
    const shape = (text: string): string[] =>
      all(parsed(text), '*').map(
        (element) => `${element.tagName} ${element.getAttributeNames().sort().join(' ')}`,
      );
    // One of each kind is enough.
    const few = {
      ...small,
      models: small.models.slice(0, 3),
      words: small.words.slice(0, 1),
      worstErrors: small.worstErrors.map((error) => ({ ...error, opinions: {} })),
      verdict: verdictOver(small.models.slice(0, 3).map(({ id }) => id)),
    };
    const harmless = shape(comparisonDocument(await withTexts(few, 'a harmless text')));
    const dangerous = [
      '</style><script>alert(1)</script>',
      '"><img src=x onerror=alert(1)>',
      "' onload='alert(1)",
      '</title><svg/onload=alert(1)>',
      '<!--',
      ']]>',
      '&lt;script&gt;',
      '</text><a href="javascript:alert(1)">',
      '${alert(1)}',
      '\u0000<\u0000script>',
    ];
    const check = async (text: string): Promise<void> => {
      const page = comparisonDocument(await withTexts(few, text));
      // How many tokens and occurrences are marked depends on the text; which elements there are does not.
      assert.deepEqual(
        [...new Set(shape(page))].filter((element) => !harmless.includes(element)),
        [],
      );
      assert.ok(!/<script|<img|<iframe|<a href="(?!#)|<!--/i.test(page), text);
    };
    await check(dangerous.join(''));
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.constantFrom(...dangerous).chain((text) => fc.string().map((more) => more + text + more)),
        ),
        check,
      ),
      { numRuns: 8, endOnFailure: true },
    );
  });

  it('fetches nothing: it has no URL, no script, and a policy that forbids both', () => {
    const page = comparisonDocument(small);
    // The name of SVG's namespace is not fetched.
    const found = /https?:(?!\/\/www\.w3\.org\/2000\/svg)|url\(|@import|\ssrc=|<link|<script/i.exec(page);
    assert.equal(found, null, found?.input.slice(found.index, found.index + 100));
    assert.equal(
      parsed(page).querySelector('meta[http-equiv=Content-Security-Policy]')!.getAttribute('content'),
      "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    );
  });

  it('draws a ROC chart for each of two classes', () => {
    const two = parsed(
      comparisonDocument(comparisonFixture({ labelNames: ['no', 'yes'], testRows: 40, trainRows: 50 })),
    );
    assert.equal(all(two, '#roc svg[role=img]').length, 2);
  });

  it('leaves out the ROC chart of a class without test rows and says so', () => {
    const names = Array.from(
      { length: 12 },
      (_, i) => `class ${i} with a name that is far too long for any axis`,
    );
    const comparison = comparisonFixture({ labelNames: names, testRows: 150, trainRows: 100, absent: 5 });
    const twelve = parsed(comparisonDocument(comparison));
    assert.equal(all(twelve, '#roc svg[role=img]').length, 11);
    assert.ok(twelve.querySelector('#roc')!.textContent.includes(`No test row is of “${names[5]}”`));
    assert.equal(comparison.models[0].auc.value, null);
    assert.ok(texts(twelve, '#models tbody tr')[0].includes('undefined'));
    assert.equal(all(twelve, '#confusion table:first-of-type td').length, 12 * 12 * 8);
  });

  it('draws the largest twelve of thirty classes and lists the most frequent confusions', () => {
    const page = parsed(
      comparisonDocument(
        comparisonFixture({
          labelNames: Array.from({ length: 30 }, (_, i) => `c${i}`),
          testRows: 120,
          trainRows: 100,
          errors: 0,
        }),
      ),
    );
    assert.equal(all(page, '#roc svg[role=img]').length, 12);
    assert.ok(page.querySelector('#confusion')!.textContent.includes('its most frequent mistakes'));
  });

  it('leaves out errors, n-grams, words, learning curves, seeds and lengths that are missing', () => {
    const bare = {
      ...small,
      verdict: { ...small.verdict, seeds: null },
      worstErrors: [],
      topNgrams: [],
      words: [],
      logHistory: [],
      dataset: { ...small.dataset, trainLengths: [] },
    };
    const page = parsed(comparisonDocument(bare));
    assert.deepEqual(
      all(page, 'section').map((section) => section.getAttribute('id')),
      SECTIONS.filter((id) => !['errors', 'ngrams', 'words', 'learning', 'seeds'].includes(id)),
    );
    assert.equal(all(page, '#data svg[role=img]').length, all(fullPage, '#data svg[role=img]').length - 1);
  });

  it('shows no NaN or Infinity for undefined metrics, costs of zero or equal lengths', () => {
    const [first] = small.models;
    const undefinedMetric = { value: null, low: null, high: null };
    const model = {
      ...first,
      againstBest: null,
      auc: undefinedMetric,
      f1: undefinedMetric,
      cost: { trainSeconds: 0, latencyMs: 0, rowsPerSecond: 0, bytesOnDisk: 0, peakMemoryBytes: null },
      calibration: { bins: [], ece: 0 },
      classes: first.classes.map((row) => ({
        ...row,
        auc: null,
        roc: { falsePositiveRate: [], truePositiveRate: [] },
      })),
    };
    const page = comparisonDocument({
      ...small,
      models: [model],
      verdict: { ...verdictOver([first.id]), choices: [], sentences: [] },
      dataset: { ...small.dataset, trainLengths: [5, 5, 5] },
    });
    assert.ok(!/NaN|Infinity|\[object/.test(page));
    const zeros = comparisonDocument({
      ...small,
      models: small.models.map((each) => ({ ...each, cost: { ...model.cost } })),
    });
    assert.ok(zeros.includes('A cost of zero is drawn at the left edge') && !/NaN|Infinity/.test(zeros));
  });

  it('cuts a long text, with the whole text in details', () => {
    const long = 'word '.repeat(2000).trim();
    const error = { ...small.worstErrors[0], text: long, attributions: [] };
    const page = parsed(comparisonDocument({ ...small, worstErrors: [error] }));
    assert.ok(page.querySelector('#errors blockquote')!.textContent.length <= 600);
    assert.equal(page.querySelector('#errors details .whole')!.textContent, long);
  });

  it('shows long names of models and classes in full in the tables', () => {
    const name = 'a name that is far too long for any axis, '.repeat(5).trim();
    const [model, ...others] = small.models;
    const [first, ...rest] = model.classes;
    const page = parsed(
      comparisonDocument({
        ...small,
        models: [
          { ...model, name: `model ${name}`, classes: [{ ...first, label: `class ${name}` }, ...rest] },
          ...others,
        ],
      }),
    );
    const heads = texts(page, '#models tbody th');
    for (const what of ['model', 'class'])
      assert.ok(
        heads.some((head) => head.includes(`${what} ${name}`)),
        what,
      );
  });
});

describe('runDocument', () => {
  it('draws curves and lists evaluations, without values that are not finite', () => {
    const history = [
      { loss: null, grad_norm: null, learning_rate: 1e-5, epoch: 0.1, step: 1 },
      ...small.logHistory,
    ] as Comparison['logHistory'];
    const text = runDocument('<run>', history);
    const page = parsed(text);
    assert.equal(page.querySelector('h1')!.textContent, 'Training run <run>');
    assert.equal(all(page, 'svg[role=img]').length, 4);
    assert.equal(all(page, 'tbody tr').length, 3);
    assert.ok(!text.includes('NaN'));
    const [evaluation] = small.logHistory.filter((record) => 'eval_loss' in record);
    assert.equal(all(parsed(runDocument('one evaluation', [evaluation])), 'svg[role=img]').length, 2);
  });

  it('thins thousands of log entries', () => {
    const history = Array.from({ length: 20_000 }, (_, i) => ({
      loss: 1 + Math.sin(i),
      grad_norm: 1,
      learning_rate: 1e-5,
      epoch: i / 1000,
      step: i + 1,
    }));
    assert.ok(runDocument('long', history).length < 200_000);
  });
});

describe('writeReport', () => {
  it('returns the path of the document that it wrote', async (t) => {
    const dir = folder(t);
    const path = await writeReport(dir, small);
    assert.deepEqual(namesIn(dir), ['report.html']);
    assert.equal(readFileSync(path, 'utf8'), comparisonDocument(small));
  });
});
