/**
 * The demo page in a real Chromium, with WebGPU on SwiftShader: it trains, shows, predicts and hands out a
 * model that the command line loads. ATTUNE_SCREENSHOTS names a folder for pictures of what was tested.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { unzipSync } from 'fflate';
import type { BrowserContext, Page } from 'playwright-core';
import { serve } from '#attune/serve/server.js';
import type { RunningServer } from '#attune/serve/server.js';
import { demoSite } from '#attune/serve/site.js';
import { browserPath, NO_BROWSER, SOFTWARE_WEBGPU, until, withBrowser } from '../support/browser.js';
import { writeByteModel } from '../support/byte-model.js';
import { attune, jsonLines, readJson, ROWS } from '../support/cli.js';

const required = (process.env['ATTUNE_REQUIRE_BROWSER'] ?? '') !== '';
const skip = browserPath === undefined && !required ? NO_BROWSER : false;
if (skip !== false) console.error(`SKIPPED: the demo page; ${NO_BROWSER}`);
if (required) assert.ok(browserPath !== undefined, NO_BROWSER);

const dir = mkdtempSync(join(tmpdir(), 'attune-test-'));
let server: RunningServer;
before(async () => {
  await writeByteModel(join(dir, 'model'));
  server = await serve(await demoSite({ folder: join(dir, 'model'), name: 'byte model' }), {
    host: '127.0.0.1',
    port: 0,
  });
});
after(async () => {
  await server.close();
  rmSync(dir, { recursive: true, force: true });
});

/** Opens the page and collects whatever it does that it should not. */
async function open(context: BrowserContext): Promise<{ page: Page; trouble: string[] }> {
  const page = await context.newPage();
  const trouble: string[] = [];
  page.on('console', (message) => trouble.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => trouble.push(`error: ${error.message}`));
  context.on('request', (request) => {
    if (!request.url().startsWith(server.url) && !request.url().startsWith(`blob:${server.url}`))
      trouble.push(`request: ${request.url()}`);
  });
  await page.goto(server.url);
  return { page, trouble };
}

const shoot = async (page: Page, name: string): Promise<void> => {
  const shots = process.env['ATTUNE_SCREENSHOTS'];
  if (shots) await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
};

/**
 * Evaluated in the page, where TypeScript's DOM library would know the names; the project does without it.
 */
const OVERFLOW = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
const UNLABELLED = `[...document.querySelectorAll('input, textarea, progress')]
  .filter((each) => each.labels.length === 0 && !each.getAttribute('aria-label'))
  .map((each) => each.id)`;
const PROBABILITIES = `Object.fromEntries(
  [...document.querySelectorAll('#prediction li')].map((each) => [
    each.querySelector('.name').textContent,
    Number(each.querySelector('[data-share]').dataset.share),
  ]),
)`;

test(
  'it checks, trains, evaluates, predicts, and the download is the model it showed',
  { skip, timeout: 1_800_000 },
  async () => {
    await withBrowser(
      { viewport: { width: 1100, height: 900 }, acceptDownloads: true },
      async (context) => {
        const { page, trouble } = await open(context);
        const shown = (id: string): Promise<boolean> => page.locator(id).isVisible();
        const textOf = async (id: string): Promise<string> => (await page.locator(id).textContent()) ?? '';
        await until('the adapter', async () => /Computes on .*byte model/.test(await textOf('#adapter')));
        await until('the sample', async () =>
          /1.000 rows to learn from, 200 to evaluate on/.test(await textOf('#data-summary')),
        );
        assert.deepEqual(await page.evaluate(UNLABELLED), []);

        // What is wrong with the rows is said with its line, and nothing can be trained on them.
        await page.fill('#rows', 'text,label\n"a fine day",good\n"a grim day,bad\n');
        await until('the fault', async () => /^pasted\.csv:3: /.test(await textOf('#data-problem')));
        assert.ok(await page.locator('#train').isDisabled());
        assert.ok(
          await page.locator('#evaluation-share').isChecked(),
          'rows of another kind are not judged by the sample',
        );
        await shoot(page, 'page-fault');

        const csv = `text,label\n${ROWS.map(({ text, label_text: label }) => `"${text}",${label}`).join('\n')}\n`;
        writeFileSync(join(dir, 'rows.csv'), csv);
        await page.setInputFiles('#file', join(dir, 'rows.csv'));
        await until('the rows', async () =>
          /12 rows to learn from, 4 to evaluate on\. 2 classes: bad \(6\), good \(6\)/.test(
            await textOf('#data-summary'),
          ),
        );
        assert.ok(!(await shown('#data-problem')));
        await page.fill('#test-size', '0.25');
        await page.fill('#epochs', '3');
        await page.fill('#batch-size', '4');
        await page.fill('#learning-rate', '0.01');
        await page.fill('#max-length', '0');
        await until('the fault of a setting', async () =>
          (await textOf('#data-problem')).startsWith('Tokens a row at most: '),
        );
        await page.fill('#max-length', '20');
        await until('the button', () => page.locator('#train').isEnabled());

        await page.click('#train');
        await until('the end', () => shown('#use'));
        assert.match(await textOf('#state'), /^Done: 9 steps in /);
        assert.equal(await page.locator('#curves figure').count(), 4);
        assert.match(
          await textOf('#scores'),
          /On the 4 rows set aside, after step 9\..*Accuracy.*F1, weighted.*AUC.*Loss.*good.*bad|bad.*good/s,
        );
        assert.equal(await page.locator('#scores .confusion td').count(), 4);

        const probabilities = new Map<string, Record<string, number>>();
        for (const text of ['what lovely tea', 'stale bread, so very sad']) {
          await page.fill('#text', text);
          await until('the prediction', async () => (await textOf('#prediction')).includes(`“${text}”`));
          probabilities.set(text, await page.evaluate<Record<string, number>>(PROBABILITIES));
        }
        const [download] = await Promise.all([page.waitForEvent('download'), page.click('#download')]);
        assert.equal(download.suggestedFilename(), 'byte-model-finetuned.zip');
        await download.saveAs(join(dir, 'model.zip'));
        await until('the note', async () =>
          (await textOf('#download-note')).includes('is in your downloads'),
        );
        await shoot(page, 'page-trained');
        for (const colorScheme of ['light', 'dark'] as const) {
          for (const width of [390, 320]) {
            await page.emulateMedia({ colorScheme });
            await page.setViewportSize({ width, height: 844 });
            assert.ok((await page.evaluate<number>(OVERFLOW)) <= 0, `${colorScheme}, ${width} pixels wide`);
            await shoot(page, `page-${colorScheme}-${width}`);
          }
        }

        for (const [name, bytes] of Object.entries(unzipSync(readFileSync(join(dir, 'model.zip'))))) {
          mkdirSync(dirname(join(dir, name)), { recursive: true });
          writeFileSync(join(dir, name), bytes);
        }
        const model = join(dir, 'byte-model-finetuned');
        const { code, stdout, stderr } = await attune(
          [
            'predict',
            '--model',
            model,
            '--device',
            'cpu',
            '--max-length',
            '20',
            ...[...probabilities.keys()].flatMap((text) => ['--text', text]),
          ],
          { cwd: dir },
        );
        assert.equal(code, 0, stderr);
        for (const { text, scores } of jsonLines(stdout) as {
          text: string;
          scores: Record<string, number>;
        }[]) {
          const inPage = probabilities.get(text)!;
          assert.deepEqual(Object.keys(inPage).sort(), Object.keys(scores).sort());
          // The page holds four digits.
          for (const [label, score] of Object.entries(scores))
            assert.ok(
              Math.abs(score - inPage[label]) < 1e-4,
              `${text}: ${label} is ${score}, the page says ${inPage[label]}`,
            );
        }

        // The same run by the command line, on the other engine: the records of both agree.
        const manifest = readJson(join(model, 'attune.json')) as {
          arguments: Record<string, unknown>;
          inputs: { testSize: number; dataset: string };
        };
        assert.equal(manifest.inputs.dataset, 'data/rows.csv');
        writeFileSync(join(dir, 'run.json'), JSON.stringify(manifest.arguments));
        const again = await attune(
          [
            'train',
            '--config',
            'run.json',
            '--model',
            'model',
            '--dataset',
            'rows.csv',
            '--test-size',
            '0.25',
            '--output-dir',
            'again',
            '--logging-dir',
            'again/runs',
            '--device',
            'cpu',
          ],
          { cwd: dir },
        );
        assert.equal(again.code, 0, again.stderr);
        const records = (folder: string): Record<string, number>[] =>
          (
            readJson(join(folder, 'trainer_state.json')) as unknown as {
              log_history: Record<string, number>[];
            }
          ).log_history;
        const [here, there] = [records(model), records(join(dir, 'again'))];
        assert.deepEqual(
          here.map((record) => Object.keys(record)),
          there.map((record) => Object.keys(record)),
        );
        for (const [i, record] of here.entries()) {
          for (const [key, value] of Object.entries(record))
            if (!/runtime|per_second/.test(key))
              assert.ok(
                Math.abs(value - there[i][key]) < 1e-3 * Math.max(1, Math.abs(value)),
                `record ${i}: ${key} is ${value} in the browser, ${there[i][key]} in Node`,
              );
        }

        // A run so long that it is under way whenever it is looked at: its curve moves, and stopped, it
        // evaluates and hands out what it has.
        await page.click('#use-sample');
        await page.fill('#epochs', '100');
        await until('the rows', async () => /1.000 rows to learn from/.test(await textOf('#data-summary')));
        await until('the button', () => page.locator('#train').isEnabled());
        await page.click('#train');
        await until('a curve', async () => (await page.locator('#curves svg').count()) >= 3);
        const curve = (): Promise<string> => page.locator('#curves svg').first().innerHTML();
        const first = await curve();
        await until('another curve', async () => (await curve()) !== first);
        await page.click('#stop');
        await until('the stop', () => shown('#use'));
        assert.match(await textOf('#state'), /^Stopped after step \d+ of 25.000 in /);
        assert.match(await textOf('#scores'), /On the 200 rows set aside/);
        assert.deepEqual(trouble, []);
      },
      SOFTWARE_WEBGPU,
    );
  },
);

/** The page's download, unpacked: name -> bytes. */
async function downloaded(page: Page, to: string): Promise<Map<string, Buffer>> {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#download')]);
  await download.saveAs(to);
  return new Map(
    Object.entries(unzipSync(readFileSync(to))).map(([name, bytes]) => [basename(name), Buffer.from(bytes)]),
  );
}

const recordsIn = (files: Map<string, Buffer>): object[] =>
  (JSON.parse(files.get('trainer_state.json')!.toString()) as { log_history: object[] }).log_history.map(
    (record) => Object.fromEntries(Object.entries(record).filter(([key]) => !/runtime|per_second/.test(key))),
  );

test(
  'a stopped run goes on, twice, to the bits of one that was never stopped',
  { skip, timeout: 1_800_000 },
  async () => {
    await withBrowser(
      { viewport: { width: 1100, height: 900 }, acceptDownloads: true },
      async (context) => {
        const { page, trouble } = await open(context);
        const textOf = async (id: string): Promise<string> => (await page.locator(id).textContent()) ?? '';
        const trainable = (): Promise<void> => until('the button', () => page.locator('#train').isEnabled());
        await trainable();
        // Two members, as `cat a.gz b.gz` makes.
        const csv = `text,label\n${ROWS.map(({ text, label_text: label }) => `"${text}",${label}`).join('\n')}\n`;
        writeFileSync(
          join(dir, 'two.csv.gz'),
          Buffer.concat([gzipSync(csv.slice(0, 70)), gzipSync(csv.slice(70))]),
        );
        await page.setInputFiles('#file', join(dir, 'two.csv.gz'));
        await until('the rows', async () =>
          /12 rows to learn from, 4 to evaluate on/.test(await textOf('#data-summary')),
        );
        for (const [id, value] of Object.entries({
          'test-size': '0.25',
          epochs: '30',
          'batch-size': '4',
          'learning-rate': '0.003',
          'max-length': '20',
        }))
          await page.fill(`#${id}`, value);
        const done = (): Promise<void> =>
          until('the end', async () => (await textOf('#state')).startsWith('Done: 90 steps'));
        await trainable();
        await page.click('#train');
        await done();
        assert.ok(!(await page.locator('#continue').isVisible()));
        const whole = await downloaded(page, join(dir, 'whole.zip'));

        let step = 0;
        const stop = async (): Promise<void> => {
          await until(
            'a step',
            async () => Number(/^Step (\d+) of 90/.exec(await textOf('#state'))?.[1] ?? 0) > step,
          );
          await page.click('#stop');
          await until('the stop', () => page.locator('#continue').isVisible());
          const stopped = /^Stopped after step (\d+) of 90 in .*Continue goes on from there/.exec(
            await textOf('#state'),
          );
          assert.ok(stopped, await textOf('#state'));
          assert.ok(Number(stopped[1]) > step);
          step = Number(stopped[1]);
        };
        assert.equal(
          await page.locator('#rows').getAttribute('placeholder'),
          '',
          'an example in the place of a file’s rows',
        );
        await page.click('#train');
        await stop();
        assert.equal(await textOf('#download-note'), '', 'what was said of the model before');
        await shoot(page, 'page-stopped');
        // The run goes on as it began, whatever the forms say by now.
        await page.click('#use-sample');
        await page.fill('#epochs', '1');
        await until('the sample', async () => /1.000 rows to learn from/.test(await textOf('#data-summary')));
        await page.click('#continue');
        await stop();
        await page.click('#continue');
        await done();
        assert.ok(!(await page.locator('#continue').isVisible()));
        const goneOn = await downloaded(page, join(dir, 'gone-on.zip'));
        assert.deepEqual([...goneOn.keys()], [...whole.keys()]);
        assert.ok(
          goneOn.get('model.safetensors')!.equals(whole.get('model.safetensors')!),
          'the weights differ',
        );
        assert.deepEqual(recordsIn(goneOn), recordsIn(whole));
        assert.deepEqual(trouble, []);
      },
      SOFTWARE_WEBGPU,
    );
  },
);

test('without WebGPU it says so, and what to do', { skip, timeout: 1_800_000 }, async () => {
  await withBrowser({ viewport: { width: 390, height: 844 } }, async (context) => {
    const { page, trouble } = await open(context);
    await until('the notice', () => page.locator('#unsupported').isVisible());
    assert.match(
      (await page.locator('#unsupported').textContent()) ?? '',
      /This browser cannot train here: .*WebGPU.*Use a current Chrome/,
    );
    await until('the rows', async () =>
      /1.000 rows/.test((await page.locator('#data-summary').textContent()) ?? ''),
    );
    assert.ok(await page.locator('#train').isDisabled());
    assert.ok((await page.evaluate<number>(OVERFLOW)) <= 0);
    await shoot(page, 'page-without-webgpu');
    // Chromium itself may say in the console that there is no adapter.
    assert.deepEqual(
      trouble.filter((line) => !/No available adapters/.test(line)),
      [],
    );
  });
});
