/**
 * Fifty runs are killed while they write, rotate and replace checkpoints, twenty of them in the middle of writing
 * one: every folder with the name of a checkpoint is whole.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readConfig } from '#attune/model/config.js';
import { parameterSpecs } from '#attune/model/parameters.js';
import { SafetensorsFile } from '#attune/model/safetensors.js';
import { openWeights } from '#attune/model/weights.js';
import { Tokenizer } from '#attune/text/tokenizer.js';
import { readCheckpoint } from '#attune/train/checkpoint.js';
import { stopped } from '../../faults/machine.js';
import { attune, bin, readJson } from '../../support/cli.js';
import { seedFrom } from '../../support/counts.js';
import { Random } from '../../support/random.js';
import { beingWritten, leftovers } from '../../support/workshop.js';
import { modelAndData } from '../../support/workspace.js';

const KILLS = 50;

const cwd = modelAndData();

const train = (...more: string[]): string[] => [
  'train',
  '--model',
  'model',
  '--dataset',
  'data',
  '--output-dir',
  'run',
  '--per-device-train-batch-size',
  '2',
  '--save-steps',
  '1',
  ...more,
];

/**
 * Kills a run `ms` milliseconds after its start or its first checkpoint; with `inWrite` not before it is found
 * writing a checkpoint. Rejects if the run ends before.
 */
function killed(
  words: readonly string[],
  from: 'start' | 'checkpoint',
  ms: number,
  inWrite: boolean,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [bin, ...words], { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    let waiting = from === 'checkpoint';
    const kill = async (): Promise<void> => {
      await sleep(ms);
      if (inWrite) await stopInWrite(child);
      child.kill('SIGKILL');
    };
    if (!waiting) kill().catch(reject);
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      if (!waiting || !text.includes('saved ')) return;
      waiting = false;
      kill().catch(reject);
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (signal === 'SIGKILL') resolve();
      else reject(new Error(`${words.join(' ')} ended with ${code} before it was killed: ${stderr}`));
    });
  });
}

/**
 * Stops the run again and again until it is found with a checkpoint half written, and leaves it stopped: it does
 * nothing more before it is killed.
 */
async function stopInWrite(child: ChildProcess): Promise<void> {
  while (await stopped(child)) {
    if (halfWritten()) return;
    child.kill('SIGCONT');
    await sleep(1);
  }
}

/** Reads all of a checkpoint: model, tokenizer, moments, log. */
async function load(dir: string): Promise<void> {
  const config = await readConfig(dir);
  await Tokenizer.fromDirectory(dir);
  const weights = await openWeights(dir, config);
  const optimizer = await SafetensorsFile.open(join(dir, 'optimizer.safetensors'));
  for (const { name } of parameterSpecs(config)) {
    await weights.read(name);
    for (const moment of ['exp_avg', 'exp_avg_sq']) await optimizer.read(`${moment}.${name}`);
  }
  await weights.close();
  await optimizer.close();
  readJson(join(dir, 'training_args.json'));
  const { state } = await readCheckpoint(dir);
  assert.ok(dir.endsWith(`checkpoint-${state.global_step}`));
}

const checkpoints = (): string[] =>
  existsSync(join(cwd, 'run'))
    ? readdirSync(join(cwd, 'run')).filter((name) => name.startsWith('checkpoint-'))
    : [];

/** Whether a checkpoint is half written: it is newer than all whole ones. Older ones are being deleted. */
function halfWritten(): boolean {
  const newest = Math.max(0, ...checkpoints().map((name) => Number(name.slice('checkpoint-'.length))));
  return beingWritten(join(cwd, 'run')).some(
    (name) => Number(/^checkpoint-(\d+)$/.exec(name)?.[1] ?? 0) > newest,
  );
}

describe('attune train', () => {
  it(
    'leaves only whole checkpoints, from which it resumes, when it is killed at any moment',
    { timeout: 1_800_000 },
    async (t) => {
      const seed = seedFrom();
      t.diagnostic(`seed ${seed}`);
      const random = new Random(seed);
      let loaded = 0;
      let interruptedWrites = 0;
      for (let i = 0; i < KILLS; i++) {
        // In turn: a run that replaces the one before it, and one that resumes it; both delete old checkpoints as they
        // go.
        const how =
          i % 2 === 1 && checkpoints().length > 0 ? ['--resume-from-checkpoint'] : ['--overwrite-output-dir'];
        // Every fifth is killed while it starts, when it deletes the run that it replaces; of the others, half
        // in the middle of a write.
        const [from, ms] =
          i % 5 === 4
            ? (['start', random.integer(200, 900)] as const)
            : (['checkpoint', random.integer(0, 250)] as const);
        const inWrite = i % 5 < 2 && process.platform === 'linux';
        await killed(train('--max-steps', '100000', '--save-total-limit', '2', ...how), from, ms, inWrite);
        const found = checkpoints();
        if (from === 'checkpoint')
          assert.ok(found.length > 0, `kill ${i}: a checkpoint was reported and is not there`);
        if (inWrite)
          assert.ok(
            halfWritten(),
            `kill ${i}: the run was stopped in a write, and nothing of it is left: ` +
              readdirSync(join(cwd, 'run')).join(', '),
          );
        for (const name of found) await load(join(cwd, 'run', name));
        loaded += found.length;
        if (leftovers(join(cwd, 'run')).some((path) => !path.endsWith('.attune.lock'))) interruptedWrites++;
      }
      t.diagnostic(
        `${loaded} checkpoints loaded; ${interruptedWrites} kills fell into a write or a deletion`,
      );
      const { code, stderr } = await attune(train('--max-steps', '3', '--overwrite-output-dir'), { cwd });
      assert.equal(code, 0, stderr);
      assert.deepEqual(leftovers(join(cwd, 'run')), []);
      assert.deepEqual(checkpoints().sort(), ['checkpoint-1', 'checkpoint-2', 'checkpoint-3']);
    },
  );
});
