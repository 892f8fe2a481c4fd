/**
 * The demo page in a real Chromium when its worker dies, or the server that it came from. The page has to report it,
 * to offer nothing that cannot work, and to work again after a reload. The death of a worker is appended to its
 * script, and happens as it posts one of its messages, drawn from a seed: ATTUNE_FUZZ_SEED repeats a run,
 * ATTUNE_PAGE_DEATHS is the number of deaths.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { serve } from '#attune/serve/server.js';
import type { RunningServer } from '#attune/serve/server.js';
import { demoSite } from '#attune/serve/site.js';
import type { SiteFile } from '#attune/serve/site.js';
import { browserPath, NO_BROWSER, SOFTWARE_WEBGPU, until, withBrowser } from '../support/browser.js';
import { writeByteModel } from '../support/byte-model.js';
import { casesFrom, seedFrom } from '../support/counts.js';
import { showsError } from '../support/page-problem.js';
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

const textOf = async (page: Page, id: string): Promise<string> =>
  (await page.locator(id).textContent()) ?? '';
const trainable = (page: Page): Promise<boolean> => page.locator('#train').isEnabled();
const problemOf = async (page: Page): Promise<string> =>
  (await page.locator('#train-problem').isVisible()) ? textOf(page, '#train-problem') : '';
const ended = async (page: Page): Promise<boolean> => /worker ended/.test(await problemOf(page));

/** Trains on the sample for so long that the run is under way whenever it is looked at. */
async function train(page: Page): Promise<void> {
  await page.fill('#epochs', '100');
  await until('the button, or the end', async () => (await trainable(page)) || (await ended(page)));
  // It may end between the look and the click, which then does nothing.
  await page.evaluate(`document.getElementById('train').click()`);
}

/**
 * The death is reported, nothing that cannot work is offered, nothing seems to be under way, and what the worker
 * still does is not shown.
 */
async function requireEnded(page: Page, reason: RegExp): Promise<void> {
  await until('the message', () => ended(page));
  const message = await problemOf(page);
  assert.match(message, /^The page's worker ended: .+[^.]\. Load the page again\.$/);
  assert.match(message, reason);
  for (const id of ['#train', '#continue', '#stop', '#download', '#classify'])
    assert.ok(await page.locator(id).isDisabled(), `${id} is enabled`);
  assert.ok(!(await page.locator('#progress-box').isVisible()));
  assert.equal(await textOf(page, '#state'), '');
  assert.equal(await page.locator('[role=alert]:visible').count(), 1);
  const shown = await textOf(page, 'body');
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(await textOf(page, 'body'), shown);
}

const requireStep = (page: Page): Promise<void> =>
  until('a step', async () => (await textOf(page, '#state')).startsWith('Step '));

/** The page works after a reload. */
async function requireAlive(page: Page, trains: boolean): Promise<void> {
  await page.reload();
  await until('the button', () => trainable(page));
  assert.equal(await problemOf(page), '');
  if (!trains) return;
  await train(page);
  await requireStep(page);
}

interface Death {
  readonly name: string;
  readonly reason: RegExp;
  /** Code that runs in the worker as it posts a message. Without it the worker is killed from outside. */
  readonly code?: string;
}

const DEATHS: readonly Death[] = [
  {
    name: 'an error outside of any request',
    code: `setTimeout(() => { throw new RangeError('out of luck'); });`,
    reason: /RangeError: out of luck/,
  },
  {
    name: 'a rejection that nobody awaits',
    code: `void Promise.reject(new RangeError('out of luck'));`,
    reason: /RangeError: out of luck/,
  },
  { name: 'the worker closes itself', code: 'self.close();', reason: /the browser ended it/ },
  { name: 'the worker is killed', reason: /the browser ended it/ },
  {
    name: 'a message that cannot be read',
    code: `self.dispatchEvent(new MessageEvent('messageerror'));`,
    reason: /could not read what the page sent/,
  },
];

/** The messages before the first step and about as many after it. */
const MESSAGES = 14;

const dying = (code: string, nth: number): SiteFile => ({
  contents: `${script}
{
  const post = self.postMessage.bind(self);
  let left = ${nth};
  self.postMessage = (...message) => {
    post(...message);
    if (--left === 0) { ${code} }
  };
}`,
});

/** Kills the worker from outside at its message `nth`, as a browser does it; once, not again after a reload. */
const killing = (nth: number): string => `{
  const Real = Worker;
  let left = ${nth};
  const kill = (worker) => {
    if (--left > 0 || sessionStorage.getItem('killed')) return;
    sessionStorage.setItem('killed', 'yes');
    Real.prototype.terminate.call(worker);
  };
  window.Worker = class extends Real {
    constructor(...options) {
      super(...options);
      this.addEventListener('message', () => kill(this));
    }
  };
}`;

/** A worker that ends without a message: the page notices only by its clock. */
const SILENT = 'self.close();';

/** What happens to the second half of the weights. */
type Fault = 'none' | 'stalled' | 'broken' | 'trickling';

/** A proxy in front of the page's server, with a fault. */
class FaultyServer {
  fault: Fault = 'none';
  readonly #server: Server;

  constructor(port: string) {
    this.#server = createServer(({ url, headers }, response) => {
      get({ host: '127.0.0.1', port, path: url, headers }, (answer) => {
        response.writeHead(answer.statusCode!, answer.headers);
        if (this.fault === 'none' || !url!.endsWith('.safetensors')) return void answer.pipe(response);
        answer.once('data', (bytes: Buffer) =>
          this.#breakAfter(bytes.subarray(0, bytes.length / 2), response),
        );
      });
    });
  }

  #breakAfter(bytes: Buffer, response: ServerResponse): void {
    response.write(bytes, () => void (this.fault === 'broken' && response.destroy()));
    if (this.fault !== 'trickling') return;
    const timer = setInterval(() => response.write('0'), 1000);
    response.on('close', () => clearInterval(timer));
  }

  /** @returns the address */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** Code for the page: clicks Stop as soon as the state matches, before anything else happens there. */
const stopAt = (state: RegExp, times = 1): string => `{
  const [state, stop] = [document.getElementById('state'), document.getElementById('stop')];
  const watch = new MutationObserver(() => {
    if (!${String(state)}.test(state.textContent) || stop.disabled) return;
    watch.disconnect();
    for (let i = 0; i < ${times}; i++) stop.click();
  });
  watch.observe(state, { childList: true });
}`;

describe('demo page', () => {
  it('reports once that its worker has died, offers nothing, and works after a reload', options, async () => {
    const seed = seedFrom();
    const random = new Random(seed);
    const cases = casesFrom('ATTUNE_PAGE_DEATHS', 20);
    console.error(`ATTUNE_FUZZ_SEED=${seed}, ${cases} deaths of the page's worker`);
    await withBrowser(
      {},
      async (context) => {
        for (let i = 0; i < cases; i++) {
          const { name, code, reason } = DEATHS[i % DEATHS.length];
          const nth = random.integer(1, MESSAGES);
          const page = await context.newPage();
          if (code === undefined) await page.addInitScript(killing(nth));
          else site.set('worker.js', dying(code, nth));
          try {
            await page.goto(server.url);
            await train(page);
            await requireEnded(page, reason);
            site.set('worker.js', { contents: script });
            await requireAlive(page, i < DEATHS.length);
          } catch (error) {
            throw new Error(`seed ${seed}, case ${i}: ${name}, with message ${nth}`, { cause: error });
          }
          await page.close();
        }
      },
      SOFTWARE_WEBGPU,
    );
  });

  it('reports that its worker does not start, and works after a reload', options, async () => {
    await withBrowser({}, async (context) => {
      const scripts: readonly (readonly [file: string, contents: string | undefined, reason: RegExp])[] = [
        ['worker.js', undefined, /its script could not be loaded/],
        ['attune.js', undefined, /compute\.js/],
        ['attune.js', 'export {};', /SyntaxError: .*does not provide an export/],
        ['worker.js', SILENT, /it did not start within 60 seconds/],
      ];
      for (const [file, contents, reason] of scripts) {
        const whole = site.get(file)!;
        if (contents === undefined) site.delete(file);
        else site.set(file, { contents });
        const page = await context.newPage();
        const isSilent = contents === SILENT;
        if (isSilent) await page.clock.install();
        try {
          await page.goto(server.url);
          if (isSilent) await page.clock.fastForward('01:00');
          await requireEnded(page, reason);
        } finally {
          site.set(file, whole);
        }
        await page.reload();
        await until('an answer of the worker', async () =>
          /1.000 rows to learn from/.test(await textOf(page, '#data-summary')),
        );
        await page.close();
      }
    });
  });

  it(
    'reports a server that fails while the weights load, can be stopped, and can try again',
    options,
    async () => {
      const faulty = new FaultyServer(new URL(server.url).port);
      const url = await faulty.listen();
      try {
        await withBrowser(
          {},
          async (context) => {
            const page = await context.newPage();
            await page.goto(url);
            const trained = async (fault: Fault): Promise<void> => {
              faulty.fault = fault;
              await train(page);
            };
            await trained('broken');
            const broken =
              /^Model\/model\.safetensors cannot be loaded: the connection failed.*Is the server .* still running\?/i;
            await until('the problem', async () => broken.test(await problemOf(page)));

            await trained('stalled');
            await until('the problem', async () => /nothing came for 30 seconds/.test(await problemOf(page)));

            await trained('trickling');
            await until('the loading', async () => /^Loading the model: /.test(await textOf(page, '#state')));
            await page.click('#stop');
            await until('the stop', async () =>
              showsError(await problemOf(page), 'page-run-stopped-early', {}),
            );

            await trained('none');
            await requireStep(page);
          },
          SOFTWARE_WEBGPU,
        );
      } finally {
        faulty.close();
      }
    },
  );

  it('reports a server that is gone when it asks for the model', options, async () => {
    const faulty = new FaultyServer(new URL(server.url).port);
    const url = await faulty.listen();
    await withBrowser(
      {},
      async (context) => {
        const page = await context.newPage();
        await page.goto(url);
        await until('the button', () => trainable(page));
        faulty.close();
        await train(page);
        await until('the problem', async () =>
          /model\.safetensors cannot be loaded: the connection failed/.test(await problemOf(page)),
        );
        assert.ok(await trainable(page));
      },
      SOFTWARE_WEBGPU,
    );
  });

  it('ends a run in every phase on Stop, at once on a second click, and trains again', options, async () => {
    await withBrowser(
      {},
      async (context) => {
        const page = await context.newPage();
        await page.goto(server.url);
        // A run that had begun its steps by the time it is stopped has a model.
        const early = 'page-run-stopped-early';
        const inOrder = /^Stopped after step|^Done/;
        const phases = [
          [/^Starting/, 1, early],
          [/^Reading the rows/, 1, early],
          [/^Evaluating/, 1, early],
          [/^Step /, 2, 'page-run-stopped-at-once'],
        ] as const;
        for (const [phase, clicks, problem] of phases) {
          await page.fill('#epochs', clicks === 1 ? '2' : '100');
          await page.fill('#max-rows', '40');
          await until('the button', () => trainable(page));
          await page.evaluate(stopAt(phase, clicks));
          await page.click('#train');
          await until(
            `the end of a run stopped at ${String(phase)}`,
            async () =>
              showsError(await problemOf(page), problem, {}) || inOrder.test(await textOf(page, '#state')),
          );
          assert.ok(await page.locator('#stop').isDisabled());
          assert.equal(await textOf(page, '#stop'), 'Stop');
        }
        await train(page);
        await requireStep(page);
      },
      SOFTWARE_WEBGPU,
    );
  });

  it('reports a file of rows that was removed before it is read again', options, async () => {
    await withBrowser(
      {},
      async (context) => {
        const page = await context.newPage();
        await page.goto(server.url);
        await until('the button', () => trainable(page));
        const file = join(dir, 'rows.csv');
        writeFileSync(file, 'text,label\na fine day,good\na grim day,bad\na good day,good\na bad day,bad\n');
        await page.setInputFiles('#file', file);
        await page.fill('#test-size', '0.5');
        await until('the rows', async () => /2 rows to learn from/.test(await textOf(page, '#data-summary')));
        await until('the button', () => trainable(page));
        rmSync(file);
        await page.click('#train');
        await until('the problem', async () =>
          showsError(await problemOf(page), 'page-file-changed', { file: 'rows.csv' }),
        );
      },
      SOFTWARE_WEBGPU,
    );
  });
});
