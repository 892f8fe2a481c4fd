/** Start-up: `attune --help` beside an empty Node, and from the start of `attune train` to its first step on the bundled model: `tsx bench/startup.ts [runs]`. Medians. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const runs = Number(process.argv[2] ?? 9);
const cli = join(import.meta.dirname, '..', 'bin', 'attune.js');

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

async function median(what: string, once: () => Promise<number>): Promise<void> {
  const times: number[] = [];
  for (let run = 0; run <= runs; run++) times.push(await once());
  // The first fills the caches of the file system.
  const sorted = times.slice(1).sort((a, b) => a - b);
  console.log(`${what.padEnd(52)}${sorted[Math.floor(sorted.length / 2)].toFixed(0).padStart(6)} ms  (${sorted[0].toFixed(0)} to ${sorted.at(-1)!.toFixed(0)})`);
}

await median('node -e 0', () => time(['-e', '0']));
await median('attune --help', () => time([cli, '--help']));
const folder = mkdtempSync(join(tmpdir(), 'attune-startup-'));
try {
  const train = [
    cli, 'train', '--dataset', 'sample', '--preset', 'notebook', '--max-steps', '1', '--logging-steps', '1', '--eval-strategy', 'no', '--save-strategy', 'no', '--json',
    '--overwrite-output-dir', '--output-dir', join(folder, 'run'),
  ];
  await median('attune train (gpt2-mini), start to the first step', () => time(train, '"type":"train"'));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
