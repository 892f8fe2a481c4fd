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

// Fewer than these are all warm-up.
const STEPS = Math.max(1_000, casesFrom('ATTUNE_SOAK_STEPS', 2_000));
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

/** The lowest resident memory of some samples: what is held, without what comes and goes (caches that fill and are emptied, garbage). */
const floor = (samples: readonly Sample[]): number => Math.min(...samples.map(({ rss }) => rss));

/** Over the later half, what is held may not grow by more than this. */
const MOST_GROWTH = 12 * 2 ** 20;

function assertFlat(samples: readonly Sample[], what: string): string {
  const later = samples.slice(Math.floor(samples.length / 2));
  const growth = floor(later.slice(Math.floor(later.length / 2))) - floor(later.slice(0, Math.floor(later.length / 2)));
  const said = `${what}: RSS ${(later[0].rss / 2 ** 20).toFixed(1)} MiB at ${later[0].done}, ${(later.at(-1)!.rss / 2 ** 20).toFixed(1)} MiB at ${later.at(-1)!.done}; growth of the floor from its third quarter to its fourth ${(growth / 2 ** 20).toFixed(2)} MiB; handles ${later[0].handles} and ${later.at(-1)!.handles}, open files ${later[0].files} and ${later.at(-1)!.files}`;
  assert.ok(growth < MOST_GROWTH, said);
  // A sample may fall into the writing of a checkpoint, so the least of each quarter counts.
  const half = Math.floor(later.length / 2);
  const least = (what: 'handles' | 'files', samples: readonly Sample[]): number => Math.min(...samples.map((sample) => sample[what]));
  for (const counted of ['handles', 'files'] as const) assert.ok(least(counted, later.slice(half)) <= least(counted, later.slice(0, half)), said);
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
