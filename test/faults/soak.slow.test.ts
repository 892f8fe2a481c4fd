/**
 * A long run and many predictions on a tiny model, in a separate process: memory is flat after a warm-up, and no
 * handle is left open.
 *
 *   ATTUNE_SOAK_STEPS   2,000 by default     ATTUNE_SOAK_PREDICTIONS   200,000 by default
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { writeByteModel } from '../support/byte-model.js';
import { attune, writeData } from '../support/cli.js';
import { casesFrom } from '../support/counts.js';
import { workspace } from '../support/workspace.js';

// Shorter runs consist of warm-up only.
const STEPS = Math.max(1_000, casesFrom('ATTUNE_SOAK_STEPS', 2_000));
const PREDICTIONS = Math.max(50_000, casesFrom('ATTUNE_SOAK_PREDICTIONS', 200_000));

const cwd = workspace(async (cwd) => {
  await writeByteModel(join(cwd, 'model'));
  writeData(join(cwd, 'data'));
  const { code, stderr } = await attune(
    [
      'train',
      '--model',
      'model',
      '--dataset',
      'data',
      '--output-dir',
      'classifier',
      '--max-steps',
      '2',
      '--save-strategy',
      'no',
      '--threads',
      '1',
    ],
    { cwd },
  );
  assert.equal(code, 0, stderr);
});

interface Sample {
  readonly done: number;
  /** Resident memory of the process, bytes. */
  readonly rss: number;
  /** Bytes of JavaScript objects and buffers in the main thread, after garbage collection. */
  readonly held: number;
  readonly handles: number;
  readonly files: number;
}

/** Runs soak-child.ts and returns its samples. */
function soak(...words: string[]): Promise<Sample[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      [
        '--expose-gc',
        '--import',
        import.meta.resolve('tsx'),
        fileURLToPath(new URL('soak-child.ts', import.meta.url)),
        ...words,
      ],
      { cwd, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0
        ? resolve(
            stdout
              .trim()
              .split('\n')
              .map((line) => JSON.parse(line) as Sample),
          )
        : reject(new Error(`soak ended with ${code}: ${stderr}`)),
    );
  });
}

/** Growth over all samples, in bytes, by the least-squares line through them. */
function trend(samples: readonly Sample[], of: (sample: Sample) => number): number {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const x = samples.map((_, i) => i / (samples.length - 1));
  const y = samples.map(of);
  const [mx, my] = [mean(x), mean(y)];
  return (
    x.reduce((sum, value, i) => sum + (value - mx) * (y[i] - my), 0) /
    x.reduce((sum, value) => sum + (value - mx) ** 2, 0)
  );
}

const least = (samples: readonly Sample[], of: (sample: Sample) => number): number =>
  Math.min(...samples.map(of));
const most = (samples: readonly Sample[], of: (sample: Sample) => number): number =>
  Math.max(...samples.map(of));
const median = (samples: readonly Sample[], of: (sample: Sample) => number): number =>
  samples.map(of).sort((a, b) => a - b)[samples.length >> 1];

/**
 * The growth allowed over the second half, in bytes. Resident memory is judged by its trend, since the allocator and
 * the engine's thread give memory back when they like. JavaScript memory is known exactly: its minimum may rise from
 * the third quarter to the fourth by no more than the words that the tokenizer remembers.
 */
const MOST_RESIDENT = 8 * 2 ** 20;
const MOST_HELD = 2 ** 20;

function assertFlat(samples: readonly Sample[], what: string): string {
  const later = samples.slice(Math.floor(samples.length / 2));
  const [third, fourth] = [
    later.slice(0, Math.floor(later.length / 2)),
    later.slice(Math.floor(later.length / 2)),
  ];
  const resident = trend(later, ({ rss }) => rss);
  const held = least(fourth, (sample) => sample.held) - least(third, (sample) => sample.held);
  const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(2)} MiB`;
  const [begin, end] = [later[0], later.at(-1)!];
  const floor = least(third, (sample) => sample.held);
  const report = [
    `${what}: resident ${mib(begin.rss)} at ${begin.done}, ${mib(end.rss)} at ${end.done}, ` +
      `trend over that half ${mib(resident)}`,
    `floor of what JavaScript holds ${mib(floor)} in its third quarter, ${mib(held)} more in its fourth`,
    `handles ${begin.handles} and ${end.handles}, open files ${begin.files} and ${end.files}`,
  ].join('; ');
  assert.ok(resident < MOST_RESIDENT, `resident memory grows: ${report}`);
  assert.ok(held < MOST_HELD, `what is held grows: ${report}`);
  // Handles that are open for a moment appear in few samples; handles left open raise the median above all earlier
  // samples.
  for (const counted of ['handles', 'files'] as const)
    assert.ok(
      median(fourth, (sample) => sample[counted]) <= most(third, (sample) => sample[counted]),
      `${counted} grow: ${report}`,
    );
  return report;
}

describe('fineTune', () => {
  it(
    `keeps memory and handles flat over ${STEPS} steps with evaluations and checkpoints`,
    { timeout: 1_800_000 },
    async (t) => {
      t.diagnostic(assertFlat(await soak('train', String(STEPS)), `${STEPS} steps`));
    },
  );
});

describe('TextClassifier.predictStream', () => {
  it(`keeps memory and handles flat over ${PREDICTIONS} predictions`, { timeout: 1_800_000 }, async (t) => {
    t.diagnostic(assertFlat(await soak('predict', String(PREDICTIONS)), `${PREDICTIONS} predictions`));
  });
});

/** Forty samples, all the same except for what `change` gives the i-th. */
const samplesOf = (change: (i: number) => Partial<Sample>): Sample[] =>
  Array.from({ length: 40 }, (_, i) => ({
    done: i,
    rss: 1e8,
    held: 1e7,
    handles: 2,
    files: 20,
    ...change(i),
  }));

describe('assertFlat', () => {
  it('detects a leak of a hundred bytes per prediction', { timeout: 1_800_000 }, async () => {
    const samples = await soak('leak', '50000');
    assert.throws(() => assertFlat(samples, 'leak'), /(resident memory|what is held) grows/);
  });

  it('detects growth of handles, open files, resident memory and JavaScript memory', () => {
    assertFlat(
      samplesOf(() => ({})),
      'constant',
    );
    const assertDetected = (grown: (i: number) => Partial<Sample>, message: RegExp): void =>
      assert.throws(() => assertFlat(samplesOf(grown), 'grown'), message);
    assertDetected((i) => ({ handles: 2 + Math.floor(i / 4) }), /handles grow/);
    assertDetected((i) => ({ files: 20 + Math.floor(i / 4) }), /files grow/);
    assertDetected((i) => ({ rss: 1e8 + i * 5e5 }), /resident memory grows/);
    assertDetected((i) => ({ held: 1e7 + i * 1.2e5 }), /what is held grows/);
  });
});
