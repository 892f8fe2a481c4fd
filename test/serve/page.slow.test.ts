/**
 * The demo page in a real Chromium, with WebGPU on SwiftShader: it trains, shows, predicts and offers a model for
 * download that the command line loads. ATTUNE_SCREENSHOTS names a folder for pictures of what was tested.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { unzipSync } from 'fflate';
import type { BrowserContext, Page } from 'playwright-core';
import { serve } from '#attune/serve/server.js';
import type { RunningServer } from '#attune/serve/server.js';
import { demoSite } from '#attune/serve/site.js';
import { browserPath, NO_BROWSER, SOFTWARE_WEBGPU, until, withBrowser } from '../support/browser.js';
import { writeByteModel } from '../support/byte-model.js';
import { showsError } from '../support/page-problem.js';
import { attune, jsonLines, readJson, ROWS } from '../support/cli.js';

const required = (process.env['ATTUNE_REQUIRE_BROWSER'] ?? '') !== '';
const skip = browserPath === undefined && !required ? NO_BROWSER : false;
if (skip !== false) console.error(`SKIPPED: the demo page; ${NO_BROWSER}`);
if (required) assert.ok(browserPath !== undefined, NO_BROWSER);
const options = { skip, timeout: 1_800_000 };

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

/** Opens the page, and collects messages in the console, errors and requests to other origins. */
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

/** Code for the page: TypeScript knows no names of the DOM here, because the project does without its library. */
const OVERFLOW = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
const UNLABELED = `[...document.querySelectorAll('input, textarea, progress')]
  .filter((each) => each.labels.length === 0 && !each.getAttribute('aria-label'))
  .map((each) => each.id)`;
const PROBABILITIES = `Object.fromEntries(
  [...document.querySelectorAll('#prediction li')].map((each) => [
    each.querySelector('.name').textContent,
    Number(each.querySelector('[data-share]').dataset.share),
  ]),
)`;

const DESKTOP = { viewport: { width: 1100, height: 900 }, acceptDownloads: true };
const ROWS_CSV = `text,label\n${ROWS.map(({ text, label_text: label }) => `"${text}",${label}`).join('\n')}\n`;

const textOf = async (page: Page, id: string): Promise<string> =>
  (await page.locator(id).textContent()) ?? '';
const isShown = (page: Page, id: string): Promise<boolean> => page.locator(id).isVisible();

/** Waits until the text of an element matches. */
const untilText = (page: Page, what: string, id: string, text: RegExp): Promise<void> =>
  until(what, async () => text.test(await textOf(page, id)));
const untilTrainable = (page: Page): Promise<void> =>
  until('the button', () => page.locator('#train').isEnabled());

/** Downloads the model. Returns the name that the page suggests. */
async function download(page: Page, to: string): Promise<string> {
  const [started] = await Promise.all([page.waitForEvent('download'), page.click('#download')]);
  await started.saveAs(to);
  return started.suggestedFilename();
}

const isTime = (key: string): boolean => /runtime|per_second/.test(key);

describe('demo page', () => {
  it('trains, evaluates and predicts, and offers the model that it showed for download', options, () =>
    withBrowser(
      DESKTOP,
      async (context) => {
        const { page, trouble } = await open(context);
        await untilText(page, 'the adapter', '#adapter', /Computes on .*byte model/);
        await untilText(page, 'the sample', '#data-summary', /1.000 rows to learn from, 200 to evaluate on/);
        assert.deepEqual(await page.evaluate(UNLABELED), []);

        await assertFaultyRowsReported(page);
        await chooseRowsAndSettings(page);
        await page.click('#train');
        await until('the end', () => isShown(page, '#use'));
        await assertResultShown(page);

        const predictions = await predict(page, ['what lovely tea', 'stale bread, so very sad']);
        assert.equal(await download(page, join(dir, 'model.zip')), 'byte-model-finetuned.zip');
        await untilText(page, 'the note', '#download-note', /is in your downloads/);
        await shoot(page, 'page-trained');
        await assertFitsPhones(page);

        const model = unpackModel();
        await assertSamePredictions(model, predictions);
        await assertSameLog(model);

        await assertLongRunStops(page);
        assert.deepEqual(trouble, []);
      },
      SOFTWARE_WEBGPU,
    ),
  );

  it('continues a stopped run, twice, to the same bits as a run that was never stopped', options, () =>
    withBrowser(
      DESKTOP,
      async (context) => {
        const { page, trouble } = await open(context);
        await untilTrainable(page);
        // Two members, as `cat a.gz b.gz` makes.
        const gzipped = [ROWS_CSV.slice(0, 70), ROWS_CSV.slice(70)].map((part) => gzipSync(part));
        writeFileSync(join(dir, 'two.csv.gz'), Buffer.concat(gzipped));
        await page.setInputFiles('#file', join(dir, 'two.csv.gz'));
        await untilText(page, 'the rows', '#data-summary', /12 rows to learn from, 4 to evaluate on/);
        for (const [id, value] of Object.entries({
          'test-size': '0.25',
          epochs: '30',
          'batch-size': '4',
          'learning-rate': '0.003',
          'max-length': '20',
        }))
          await page.fill(`#${id}`, value);
        const untilDone = (): Promise<void> => untilText(page, 'the end', '#state', /^Done: 90 steps/);
        await untilTrainable(page);
        await page.click('#train');
        await untilDone();
        assert.ok(!(await isShown(page, '#continue')));
        const whole = await downloadedFiles(page, join(dir, 'whole.zip'));

        assert.equal(
          await page.locator('#rows').getAttribute('placeholder'),
          '',
          'an example in the place of a file’s rows',
        );
        await page.click('#train');
        const firstStop = await stopAfter(page, 0);
        assert.equal(await textOf(page, '#download-note'), '', 'the note on the model before');
        await shoot(page, 'page-stopped');
        // The run continues as it began, whatever the forms hold by now.
        await page.click('#use-sample');
        await page.fill('#epochs', '1');
        await untilText(page, 'the sample', '#data-summary', /1.000 rows to learn from/);
        await page.click('#continue');
        await stopAfter(page, firstStop);
        await page.click('#continue');
        await untilDone();
        assert.ok(!(await isShown(page, '#continue')));
        const continued = await downloadedFiles(page, join(dir, 'continued.zip'));
        assert.deepEqual([...continued.keys()], [...whole.keys()]);
        assert.ok(
          continued.get('model.safetensors')!.equals(whole.get('model.safetensors')!),
          'the weights differ',
        );
        assert.deepEqual(logIn(continued), logIn(whole));
        assert.deepEqual(trouble, []);
      },
      SOFTWARE_WEBGPU,
    ),
  );

  it('reports that the browser has no WebGPU, and what to do', options, () =>
    withBrowser({ viewport: { width: 390, height: 844 } }, async (context) => {
      const { page, trouble } = await open(context);
      await until('the notice', () => isShown(page, '#unsupported'));
      assert.match(
        await textOf(page, '#unsupported'),
        /This browser cannot train here: .*WebGPU.*Use a current Chrome/,
      );
      await untilText(page, 'the rows', '#data-summary', /1.000 rows/);
      assert.ok(await page.locator('#train').isDisabled());
      assert.ok((await page.evaluate<number>(OVERFLOW)) <= 0);
      await shoot(page, 'page-without-webgpu');
      // Chromium itself may write to the console that there is no adapter.
      assert.deepEqual(
        trouble.filter((line) => !/No available adapters/.test(line)),
        [],
      );
    }),
  );
});

/** A fault in pasted rows is reported with its line, and nothing can be trained on them. */
async function assertFaultyRowsReported(page: Page): Promise<void> {
  await page.fill('#rows', 'text,label\n"a fine day",good\n"a grim day,bad\n');
  const fault = { file: 'pasted.csv', line: 3, delimiter: ',' } as const;
  await until('the fault', async () =>
    showsError(await textOf(page, '#data-problem'), 'csv-quote-unclosed', fault),
  );
  assert.ok(await page.locator('#train').isDisabled());
  assert.ok(
    await page.locator('#evaluation-share').isChecked(),
    'rows of another kind are not judged by the sample',
  );
  await shoot(page, 'page-fault');
}

/** Chooses a file of 16 rows, and settings for nine steps; a faulty setting is reported. */
async function chooseRowsAndSettings(page: Page): Promise<void> {
  writeFileSync(join(dir, 'rows.csv'), ROWS_CSV);
  await page.setInputFiles('#file', join(dir, 'rows.csv'));
  await untilText(
    page,
    'the rows',
    '#data-summary',
    /12 rows to learn from, 4 to evaluate on\. 2 classes: bad \(6\), good \(6\)/,
  );
  assert.ok(!(await isShown(page, '#data-problem')));
  await page.fill('#test-size', '0.25');
  await page.fill('#epochs', '3');
  await page.fill('#batch-size', '4');
  await page.fill('#learning-rate', '0.01');
  await page.fill('#max-length', '0');
  await untilText(page, 'the fault of a setting', '#data-problem', /^Tokens a row at most: /);
  await page.fill('#max-length', '20');
  await untilTrainable(page);
}

async function assertResultShown(page: Page): Promise<void> {
  assert.match(await textOf(page, '#state'), /^Done: 9 steps in /);
  assert.equal(await page.locator('#curves figure').count(), 4);
  assert.match(
    await textOf(page, '#scores'),
    /On the 4 rows set aside, after step 9\..*Accuracy.*F1, weighted.*AUC.*Loss.*good.*bad|bad.*good/s,
  );
  assert.equal(await page.locator('#scores .confusion td').count(), 4);
}

type Probabilities = Readonly<Record<string, number>>;

/** The probabilities that the page shows for each text. */
async function predict(page: Page, texts: readonly string[]): Promise<Map<string, Probabilities>> {
  const shown = new Map<string, Probabilities>();
  for (const text of texts) {
    await page.fill('#text', text);
    await until('the prediction', async () => (await textOf(page, '#prediction')).includes(`“${text}”`));
    shown.set(text, await page.evaluate<Probabilities>(PROBABILITIES));
  }
  return shown;
}

async function assertFitsPhones(page: Page): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [390, 320]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 844 });
      assert.ok((await page.evaluate<number>(OVERFLOW)) <= 0, `${colorScheme}, ${width} pixels wide`);
      await shoot(page, `page-${colorScheme}-${width}`);
    }
  }
}

/** Unpacks the downloaded model. Returns its folder. */
function unpackModel(): string {
  for (const [name, bytes] of Object.entries(unzipSync(readFileSync(join(dir, 'model.zip'))))) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), bytes);
  }
  return join(dir, 'byte-model-finetuned');
}

/** The command line gives the probabilities that the page showed, to the four digits that the page has. */
async function assertSamePredictions(
  model: string,
  shown: ReadonlyMap<string, Probabilities>,
): Promise<void> {
  const { code, stdout, stderr } = await attune(
    [
      'predict',
      '--model',
      model,
      '--device',
      'cpu',
      '--max-length',
      '20',
      ...[...shown.keys()].flatMap((text) => ['--text', text]),
    ],
    { cwd: dir },
  );
  assert.equal(code, 0, stderr);
  const records = jsonLines(stdout) as { text: string; scores: Probabilities }[];
  assert.equal(records.length, shown.size);
  for (const { text, scores } of records) {
    const inPage = shown.get(text)!;
    assert.deepEqual(Object.keys(inPage).sort(), Object.keys(scores).sort());
    for (const [label, score] of Object.entries(scores))
      assert.ok(
        Math.abs(score - inPage[label]) < 1e-4,
        `${text}: ${label} is ${score}, the page says ${inPage[label]}`,
      );
  }
}

/** The same run by the command line, on the other engine, logs the same numbers. */
async function assertSameLog(model: string): Promise<void> {
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
  const log = (folder: string): Record<string, number>[] =>
    (readJson(join(folder, 'trainer_state.json')) as { log_history: Record<string, number>[] }).log_history;
  const [here, there] = [log(model), log(join(dir, 'again'))];
  assert.deepEqual(
    here.map((entry) => Object.keys(entry)),
    there.map((entry) => Object.keys(entry)),
  );
  for (const [i, entry] of here.entries()) {
    for (const [key, value] of Object.entries(entry))
      if (!isTime(key))
        assert.ok(
          Math.abs(value - there[i][key]) < 1e-3 * Math.max(1, Math.abs(value)),
          `entry ${i}: ${key} is ${value} in the browser, ${there[i][key]} in Node`,
        );
  }
}

/**
 * A run so long that it is under way whenever it is looked at: its curve moves, and when it is stopped, it evaluates
 * the model and offers it.
 */
async function assertLongRunStops(page: Page): Promise<void> {
  await page.click('#use-sample');
  await page.fill('#epochs', '100');
  await untilText(page, 'the rows', '#data-summary', /1.000 rows to learn from/);
  await untilTrainable(page);
  await page.click('#train');
  await until('a curve', async () => (await page.locator('#curves svg').count()) >= 3);
  const curve = (): Promise<string> => page.locator('#curves svg').first().innerHTML();
  const first = await curve();
  await until('another curve', async () => (await curve()) !== first);
  await page.click('#stop');
  await until('the stop', () => isShown(page, '#use'));
  assert.match(await textOf(page, '#state'), /^Stopped after step \d+ of 25.000 in /);
  assert.match(await textOf(page, '#scores'), /On the 200 rows set aside/);
}

/** Stops the run of 90 steps when it is beyond a step. Returns the step at which it stopped. */
async function stopAfter(page: Page, step: number): Promise<number> {
  await until(
    'a step',
    async () => Number(/^Step (\d+) of 90/.exec(await textOf(page, '#state'))?.[1] ?? 0) > step,
  );
  await page.click('#stop');
  await until('the stop', () => isShown(page, '#continue'));
  const state = await textOf(page, '#state');
  const stopped = /^Stopped after step (\d+) of 90 in .*Continue goes on from there/.exec(state);
  assert.ok(stopped, state);
  assert.ok(Number(stopped[1]) > step);
  return Number(stopped[1]);
}

/** Downloads the model. Returns its files by name. */
async function downloadedFiles(page: Page, to: string): Promise<Map<string, Buffer>> {
  await download(page, to);
  return new Map(
    Object.entries(unzipSync(readFileSync(to))).map(([name, bytes]) => [basename(name), Buffer.from(bytes)]),
  );
}

/** The log history of a model, without times. */
const logIn = (files: ReadonlyMap<string, Buffer>): object[] =>
  (JSON.parse(files.get('trainer_state.json')!.toString()) as { log_history: object[] }).log_history.map(
    (entry) => Object.fromEntries(Object.entries(entry).filter(([key]) => !isTime(key))),
  );
