/**
 * The demo page in a real Chromium when what it depends on dies: its worker, or the server that it came from. The page has to report it, to offer nothing that
 * cannot work, and to work again after a reload. A worker's death is appended to its script and comes with one of the messages that it posts, drawn from a seed:
 * ATTUNE_FUZZ_SEED repeats a run, ATTUNE_PAGE_DEATHS says how many deaths there are.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, get } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { BrowserContext, Page } from 'playwright-core';
import { serve } from '#attune/serve/server.js';
import type { RunningServer } from '#attune/serve/server.js';
import { demoSite } from '#attune/serve/site.js';
import type { SiteFile } from '#attune/serve/site.js';
import { browserPath, NO_BROWSER, SOFTWARE_WEBGPU, until, withBrowser } from '../support/browser.js';
import { writeByteModel } from '../support/byte-model.js';
import { casesFrom, seedFrom } from '../support/counts.js';
import { Random } from '../support/random.js';

const required = (process.env['ATTUNE_REQUIRE_BROWSER'] ?? '') !== '';
const skip = browserPath === undefined && !required ? NO_BROWSER : false;
if (skip !== false) console.error(`SKIPPED: deaths of the demo page's worker; ${NO_BROWSER}`);
const options = { skip, timeout: 3_600_000 };

const dir = mkdtempSync(join(tmpdir(), 'attune-test-'));
let site: Map<string, SiteFile>;
let server: RunningServer;
let script: string;
before(async () => {
  await writeByteModel(join(dir, 'model'));
  site = new Map(await demoSite({ folder: join(dir, 'model'), name: 'byte model' }));
  const worker = site.get('worker.js')!;
  script = 'path' in worker ? readFileSync(worker.path, 'utf8') : worker.contents;
  server = await serve(site, { host: '127.0.0.1', port: 0 });
});
after(async () => {
  await server.close();
  rmSync(dir, { recursive: true, force: true });
});

const textOf = async (page: Page, id: string): Promise<string> => (await page.locator(id).textContent()) ?? '';
const trainable = (page: Page): Promise<boolean> => page.locator('#train').isEnabled();
const problemOf = async (page: Page): Promise<string> => ((await page.locator('#train-problem').isVisible()) ? textOf(page, '#train-problem') : '');
const ended = async (page: Page): Promise<boolean> => (await problemOf(page)) !== '';

/** Trains on the sample for so long that the run is under way whenever it is looked at. */
async function train(page: Page): Promise<void> {
  await page.fill('#epochs', '100');
  await until('the button, or the end', async () => (await trainable(page)) || (await ended(page)));
  // It may end between the look and the click.
  await page.click('#train', { timeout: 1000 }).catch(async () => until('the end', () => ended(page)));
}

/** Nothing is offered that cannot work, nothing looks as if it were under way, and what the worker still does is not shown. */
async function requireEnded(page: Page, reason: RegExp): Promise<void> {
  await until('the message', () => ended(page));
  const message = await problemOf(page);
  assert.match(message, /^The page's worker ended: .+[^.]\. Load the page again\.$/);
  assert.match(message, reason);
  for (const id of ['#train', '#continue', '#stop', '#download', '#classify']) assert.ok(await page.locator(id).isDisabled(), `${id} is enabled`);
  assert.ok(!(await page.locator('#progress-box').isVisible()));
  assert.equal(await textOf(page, '#state'), '');
  assert.equal(await page.locator('[role=alert]:visible').count(), 1);
  const shown = await textOf(page, 'body');
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(await textOf(page, 'body'), shown);
}

async function requireAlive(page: Page): Promise<void> {
  await page.reload();
  assert.equal(await problemOf(page), '');
  await train(page);
  await until('a step', async () => (await textOf(page, '#state')).startsWith('Step '));
}

/** `death` runs in the worker as it posts its `nth` message. */
const dying = (death: string, nth: number): SiteFile => ({
  contents: `${script}
{
  const post = self.postMessage.bind(self);
  let left = ${nth};
  self.postMessage = (...message) => {
    post(...message);
    if (--left === 0) { ${death} }
  };
}`,
});

const DEATHS: readonly { readonly name: string; readonly death: string; readonly reason: RegExp }[] = [
  { name: 'an error outside of any request', death: `setTimeout(() => { throw new RangeError('out of luck'); });`, reason: /RangeError: out of luck/ },
  { name: 'a rejection that nobody awaits', death: `void Promise.reject(new RangeError('out of luck'));`, reason: /RangeError: out of luck/ },
  { name: 'the worker closes itself', death: 'self.close();', reason: /the browser ended it/ },
  { name: 'a message that cannot be read', death: `self.dispatchEvent(new MessageEvent('messageerror'));`, reason: /could not read what the page sent/ },
];

/** The messages before the first step and some of those after it. */
const MESSAGES = 30;

test('the worker dies: the page says so once, offers nothing, and works after a reload', options, async () => {
  const seed = seedFrom();
  const random = new Random(seed);
  const cases = casesFrom('ATTUNE_PAGE_DEATHS', 20);
  console.error(`ATTUNE_FUZZ_SEED=${seed}, ${cases} deaths of the page's worker`);
  await withBrowser({}, async (context) => {
    for (let i = 0; i < cases; i++) {
      const { name, death, reason } = DEATHS[i % DEATHS.length];
      const nth = random.integer(1, MESSAGES);
      site.set('worker.js', dying(death, nth));
      const page = await context.newPage();
      await page.goto(server.url);
      await train(page);
      try {
        await requireEnded(page, reason);
        site.set('worker.js', { contents: script });
        await requireAlive(page);
      } catch (error) {
        throw new Error(`seed ${seed}, case ${i}: ${name}, with message ${nth}`, { cause: error });
      }
      await page.close();
    }
  }, SOFTWARE_WEBGPU);
});
