/** The report in a real Chromium. With ATTUNE_SCREENSHOTS=DIR, screenshots are written to that folder. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import type { Comparison } from '#attune/compare/comparison.js';
import { comparisonDocument, runDocument } from '#attune/report/document.js';
import { browserPath, NO_BROWSER, until, withBrowser } from '../support/browser.js';
import { comparisonFixture } from '../support/comparison.js';

const required = (process.env['ATTUNE_REQUIRE_BROWSER'] ?? '') !== '';
const skip = browserPath === undefined && !required ? NO_BROWSER : false;
if (skip !== false) console.error(`SKIPPED: the report in a browser; ${NO_BROWSER}`);
if (required) assert.ok(browserPath !== undefined, NO_BROWSER);

const dir = mkdtempSync(join(tmpdir(), 'attune-test-'));
after(() => rmSync(dir, { recursive: true, force: true }));
const write = (name: string, text: string): string => {
  writeFileSync(join(dir, name), text);
  return pathToFileURL(join(dir, name)).href;
};

const comparison = comparisonFixture();
const HOSTILE =
  '</script></style></title>"\'><img src="http://127.0.0.1:9/x" onerror="document.title=1"><script>document.title=1</script><svg onload=alert(1)>';
const hostile: Comparison = {
  ...comparison,
  dataset: {
    ...comparison.dataset,
    name: HOSTILE,
    labelNames: comparison.dataset.labelNames.map((name) => name + HOSTILE),
  },
  models: comparison.models.map((model) => ({
    ...model,
    name: model.name + HOSTILE,
    description: HOSTILE,
    classes: model.classes.map((row) => ({ ...row, label: HOSTILE })),
  })),
  worstErrors: comparison.worstErrors.map((error) => ({
    ...error,
    text: HOSTILE,
    attributions: error.attributions.map((each) => ({ ...each, token: HOSTILE })),
  })),
  topNgrams: comparison.topNgrams.map(({ ngrams }) => ({
    label: HOSTILE,
    ngrams: ngrams.map(({ weight }) => ({ ngram: HOSTILE, weight })),
  })),
  words: comparison.words.map((word) => ({
    ...word,
    word: HOSTILE,
    occurrences: word.occurrences.map((each) => ({ ...each, text: HOSTILE })),
  })),
};
const twelve = comparisonFixture({
  labelNames: Array.from({ length: 12 }, (_, i) => `class number ${i} of twelve`),
  testRows: 300,
  absent: 5,
});
const PAGES = {
  comparison: write('comparison.html', comparisonDocument(comparison)),
  twelve: write('twelve.html', comparisonDocument(twelve)),
  hostile: write('hostile.html', comparisonDocument(hostile)),
  run: write('run.html', runDocument('my-model', comparison.logHistory)),
};

/** Opens a page and collects its errors, requests, dialogs and console messages: there should be none. */
async function open(page: Page, url: string): Promise<string[]> {
  const trouble: string[] = [];
  page.on('console', (message) => trouble.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => trouble.push(`error: ${error.message}`));
  page.on('request', (request) => {
    if (request.url() !== url) trouble.push(`request: ${request.url()}`);
  });
  page.on('dialog', (dialog) => {
    trouble.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(url);
  return trouble;
}

/** Evaluated in the page, and a string because the project does without TypeScript's DOM library. */
const OVERFLOW = `(() => {
  const width = document.documentElement.clientWidth;
  const scrolling = ['auto', 'scroll', 'hidden'];
  const scrolls = (element) =>
    element !== null &&
    (scrolling.includes(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
  const wide = [...document.querySelectorAll('body *')].filter((element) => {
    const { right, left, width: own } = element.getBoundingClientRect();
    const isOver = right > width + 1 || (left < -1 && !element.matches('.skip'));
    return own > 0 && isOver && !scrolls(element.parentElement);
  });
  return {
    page: document.documentElement.scrollWidth - width,
    elements: wide.slice(0, 5).map((element) => element.outerHTML.slice(0, 120)),
  };
})()`;
const SMALLEST_TEXT = `Math.min(
  ...[...document.querySelectorAll('figure svg')].map(
    (svg) => (11.5 * svg.getBoundingClientRect().width) / svg.viewBox.baseVal.width,
  ),
)`;

describe('comparisonDocument and runDocument', () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [1180, 390, 320]) {
      it(
        `fit ${width} pixels in ${colorScheme} colors, with all sections and no errors or requests`,
        { skip },
        async () => {
          await withBrowser(
            { colorScheme, viewport: { width, height: 844 }, offline: true },
            async (context) => {
              for (const [name, url] of Object.entries(PAGES)) {
                const page = await context.newPage();
                const trouble = await open(page, url);
                // The table of a training run and the parts of a comparison.
                assert.equal(await page.locator('main section').count(), name === 'run' ? 1 : 14);
                await page.evaluate(
                  "document.querySelectorAll('details').forEach((each) => { each.open = true; })",
                );
                const overflow = await page.evaluate<{ page: number; elements: string[] }>(OVERFLOW);
                assert.deepEqual(overflow, { page: 0, elements: [] }, name);
                const smallest = await page.evaluate<number>(SMALLEST_TEXT);
                assert.ok(smallest >= 9 && smallest < Infinity, `text of the charts, ${name}`);
                const background = await page.evaluate<string>(
                  'getComputedStyle(document.documentElement).backgroundColor',
                );
                assert.equal(background, colorScheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(20, 23, 28)');
                assert.deepEqual(trouble, [], name);
                const shots = process.env['ATTUNE_SCREENSHOTS'];
                if (shots)
                  await page.screenshot({
                    path: join(shots, `${name}-${colorScheme}-${width}.png`),
                    fullPage: true,
                  });
                await page.close();
              }
            },
          );
        },
      );
    }
  }
});

describe('comparisonDocument', () => {
  it('shows markup in the data as text', { skip }, async () => {
    await withBrowser({}, async (context) => {
      const page = await context.newPage();
      const trouble = await open(page, PAGES.hostile);
      assert.equal(await page.title(), `Which model for ${HOSTILE}?`);
      assert.equal(await page.locator('script, img, iframe, object, embed, link').count(), 0);
      assert.equal(
        await page.locator('blockquote').first().textContent(),
        HOSTILE.repeat(comparison.worstErrors[0].attributions.length),
      );
      assert.deepEqual(trouble, []);
    });
  });

  it('blocks injected scripts by its Content-Security-Policy', { skip }, async () => {
    await withBrowser({}, async (context) => {
      const page = await context.newPage();
      const url = write(
        'injected.html',
        comparisonDocument(comparison).replace(
          '</body>',
          '<script>document.title = "ran"</script>' +
            '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" onerror="document.title = 1"></body>',
        ),
      );
      const trouble = await open(page, url);
      assert.ok((await page.title()).startsWith('Which model'));
      await until('the report of a violation of the policy', () =>
        Promise.resolve(trouble.some((line) => line.includes('Content Security Policy'))),
      );
    });
  });

  it('can be used by keyboard: the skip link, the contents and scrolling tables', { skip }, async () => {
    await withBrowser({ viewport: { width: 390, height: 844 } }, async (context) => {
      const page = await context.newPage();
      await open(page, PAGES.comparison);
      const focused = (): Promise<string> =>
        page.evaluate<string>(
          `document.activeElement.getAttribute('href') ??
          document.activeElement.getAttribute('aria-label') ??
          document.activeElement.id`,
        );
      await page.keyboard.press('Tab');
      assert.equal(await focused(), '#content');
      assert.ok(
        (await page.locator('.skip').boundingBox())!.x >= 0,
        'the skip link is visible when it has the focus',
      );
      await page.keyboard.press('Tab');
      assert.equal(await focused(), '#models');
      await page.locator('[role=region][aria-label=Quality]').focus();
      await page.keyboard.press('ArrowRight');
      await until('the table scrolled to the right', () =>
        page.evaluate<boolean>('document.querySelector("[aria-label=Quality]").scrollLeft > 0'),
      );
    });
  });

  it('prints in light colors, with details open and nothing cut off', { skip }, async () => {
    await withBrowser({ colorScheme: 'dark', viewport: { width: 688, height: 900 } }, async (context) => {
      const page = await context.newPage();
      await open(page, PAGES.comparison);
      await page.emulateMedia({ media: 'print' });
      assert.equal(
        await page.evaluate<string>('getComputedStyle(document.documentElement).backgroundColor'),
        'rgb(255, 255, 255)',
      );
      assert.ok((await page.locator('.sentences').first().boundingBox())!.height > 100);
      assert.deepEqual(await page.evaluate(OVERFLOW), { page: 0, elements: [] });
      const pdf = await page.pdf({ format: 'A4', printBackground: true });
      assert.equal(pdf.subarray(0, 5).toString('latin1'), '%PDF-');
      const shots = process.env['ATTUNE_SCREENSHOTS'];
      if (shots) writeFileSync(join(shots, 'report.pdf'), pdf);
    });
  });
});
