/**
 * Start-up: `attune --help` beside an empty Node, from the start of `attune train` to its first step on the
 * bundled model, and to the end of a refusal: `tsx bench/startup.ts [runs] [another checkout, built]`.
 * Medians of runs in turns.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from './median.js';

const runs = Number(process.argv[2] ?? 9);
const checkouts = [join(import.meta.dirname, '..'), ...process.argv.slice(3)];

/** Milliseconds until stdout has `text`; absent: until the end. */
async function time(args: readonly string[], text?: string): Promise<number> {
  const started = performance.now();
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const exit = new Promise<void>((resolve) => child.on('exit', () => resolve()));
  let output = '';
  let seen: number | undefined;
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    if (text !== undefined && output.includes(text)) seen ??= performance.now() - started;
  });
  await exit;
  if (text !== undefined && seen === undefined) throw new Error(`no ${text} on stdout`);
  return seen ?? performance.now() - started;
}

const folder = mkdtempSync(join(tmpdir(), 'attune-startup-'));
const train = (cli: string): string[] => [
  cli,
  'train',
  '--dataset',
  'sample',
  '--preset',
  'notebook',
  '--max-steps',
  '1',
  '--logging-steps',
  '1',
  '--eval-strategy',
  'no',
  '--save-strategy',
  'no',
  '--json',
  '--overwrite-output-dir',
  '--output-dir',
  join(folder, 'run'),
];
const column = join(folder, 'column.csv');
writeFileSync(column, 'txt,label\na,0\nb,1\n');
const measured = [
  { what: 'node -e 0', once: () => time(['-e', '0']), times: [] as number[] },
  ...checkouts.flatMap((checkout) => {
    const cli = join(checkout, 'bin', 'attune.js');
    const name = checkouts.length === 1 ? '' : `${checkout}: `;
    return [
      { what: `${name}attune --help`, once: () => time([cli, '--help']), times: [] as number[] },
      {
        what: `${name}attune train (gpt2-mini), start to the first step`,
        once: () => time(train(cli), '"type":"train"'),
        times: [] as number[],
      },
      {
        what: `${name}attune train, refused for a column`,
        once: () => time([cli, 'train', '--dataset', column, '--output-dir', join(folder, 'no')]),
        times: [] as number[],
      },
      {
        what: `${name}attune train, refused for a model`,
        once: () =>
          time([
            cli,
            'train',
            '--dataset',
            'sample',
            '--model',
            './nowhere',
            '--output-dir',
            join(folder, 'no'),
          ]),
        times: [] as number[],
      },
    ];
  }),
];
try {
  // In turns, because a machine's speed drifts; and once before, which fills the caches of the file system.
  for (let run = 0; run <= runs; run++) for (const { once, times } of measured) times.push(await once());
} finally {
  rmSync(folder, { recursive: true, force: true });
}
for (const { what, times } of measured) {
  const taken = times.slice(1);
  const range = `${Math.min(...taken).toFixed(0)} to ${Math.max(...taken).toFixed(0)}`;
  console.log(`${what.padEnd(72)}${median(taken).toFixed(0).padStart(6)} ms  (${range})`);
}
