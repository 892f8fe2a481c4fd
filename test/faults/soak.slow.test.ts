/**
 * A long run and many predictions on a tiny model, in a process of their own: resident memory is flat after a warm-up, and no handle is left behind.
 *
 *   ATTUNE_SOAK_STEPS   2,000 by default     ATTUNE_SOAK_PREDICTIONS   200,000 by default
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { writeByteModel } from '../support/byte-model.js';
import { attune, writeData } from '../support/cli.js';
import { casesFrom } from '../support/counts.js';

const STEPS = casesFrom('ATTUNE_SOAK_STEPS', 2_000);
const PREDICTIONS = casesFrom('ATTUNE_SOAK_PREDICTIONS', 200_000);

let cwd = '';
before(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'attune-soak-'));
  await writeByteModel(join(cwd, 'model'));
  writeData(join(cwd, 'data'));
});
after(() => rmSync(cwd, { recursive: true, force: true }));

interface Sample {
  readonly done: number;
  readonly rss: number;
  readonly handles: number;
  readonly files: number;
}

/** Runs soak-child.ts and gives what it measured. */
function soak(...words: string[]): Promise<Sample[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--expose-gc', '--import', import.meta.resolve('tsx'), fileURLToPath(new URL('soak-child.ts', import.meta.url)), ...words], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(stdout.trim().split('\n').map((line) => JSON.parse(line) as Sample)) : reject(new Error(`soak ended with ${code}: ${stderr}`))));
  });
}

/** Bytes a unit of work, by least squares over the later half. */
function slope(samples: readonly Sample[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [samples.map(({ done }) => done), samples.map(({ rss }) => rss)];
  const [mx, my] = [mean(x), mean(y)];
  return x.reduce((sum, value, i) => sum + (value - mx) * (y[i] - my), 0) / x.reduce((sum, value) => sum + (value - mx) ** 2, 0);
}

/** Memory may wander by some pages; over all of the later half it may not grow by more than this. */
const MOST_GROWTH = 12 * 2 ** 20;

function assertFlat(samples: readonly Sample[], what: string): string {
  const later = samples.slice(Math.floor(samples.length / 2));
  const span = later.at(-1)!.done - later[0].done;
  const growth = slope(later) * span;
  const said = `${what}: RSS ${(later[0].rss / 2 ** 20).toFixed(1)} MiB at ${later[0].done}, ${(later.at(-1)!.rss / 2 ** 20).toFixed(1)} MiB at ${later.at(-1)!.done}; trend over the later half ${(growth / 2 ** 20).toFixed(2)} MiB; handles ${later[0].handles} and ${later.at(-1)!.handles}, open files ${later[0].files} and ${later.at(-1)!.files}`;
  assert.ok(growth < MOST_GROWTH, said);
  assert.ok(later.at(-1)!.handles <= later[0].handles, said);
  assert.ok(later.at(-1)!.files <= later[0].files, said);
  return said;
}

test(`${STEPS} steps, with evaluations and checkpoints`, { timeout: 1_800_000 }, async (t) => {
  t.diagnostic(assertFlat(await soak('train', String(STEPS)), `${STEPS} steps`));
});

test(`${PREDICTIONS} predictions`, { timeout: 1_800_000 }, async (t) => {
  const { code, stderr } = await attune(['train', '--model', 'model', '--dataset', 'data', '--output-dir', 'classifier', '--max-steps', '2', '--save-strategy', 'no', '--threads', '1'], { cwd });
  assert.equal(code, 0, stderr);
  t.diagnostic(assertFlat(await soak('predict', String(PREDICTIONS)), `${PREDICTIONS} predictions`));
});
