/** Fifty runs killed at any moment, while they write, rotate and replace checkpoints: whatever bears a checkpoint's name is whole. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readConfig } from '#attune/model/config.js';
import { parameterSpecs } from '#attune/model/parameters.js';
import { SafetensorsFile } from '#attune/model/safetensors.js';
import { openWeights } from '#attune/model/weights.js';
import { Tokenizer } from '#attune/text/tokenizer.js';
import { readCheckpoint } from '#attune/train/checkpoint.js';
import { attune, readJson } from '../../support/cli.js';
import { Random } from '../../support/random.js';
import { modelAndData } from '../../support/workspace.js';

const KILLS = 50;
const bin = fileURLToPath(new URL('../../../bin/attune.js', import.meta.url));

const cwd = modelAndData();

const train = (...more: string[]): string[] => ['train', '--model', 'model', '--dataset', 'data', '--output-dir', 'run', '--per-device-train-batch-size', '2', '--save-steps', '1', ...more];

/** Kills a run `ms` after its first checkpoint, or after its start. */
function killed(words: readonly string[], from: 'start' | 'checkpoint', ms: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [bin, ...words], { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
    let waiting = from === 'checkpoint';
    const kill = (): void => void setTimeout(() => child.kill('SIGKILL'), ms);
    if (!waiting) kill();
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (!waiting || !text.includes('saved ')) return;
      waiting = false;
      kill();
    });
    child.on('error', reject);
    child.on('close', () => resolve());
  });
}

/** Reads all of a checkpoint: model, tokenizer, moments, records. */
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

const checkpoints = (): string[] => (existsSync(join(cwd, 'run')) ? readdirSync(join(cwd, 'run')).filter((name) => name.startsWith('checkpoint-')) : []);
const leftovers = (): string[] => readdirSync(join(cwd, 'run')).filter((name) => name.includes('partial'));

test('killed at any moment, every checkpoint is whole, and a run can go on from it', { timeout: 600_000 }, async (t) => {
  const seed = Date.now() % 100_000;
  t.diagnostic(`seed ${seed}`);
  const random = new Random(seed);
  let loaded = 0;
  let interruptedWrites = 0;
  for (let i = 0; i < KILLS; i++) {
    // In turn: a run that replaces the one before it, and one that goes on with it; both delete old checkpoints as they go.
    const how = i % 2 === 1 && checkpoints().length > 0 ? ['--resume-from-checkpoint'] : ['--overwrite-output-dir'];
    // Every fifth is killed while it starts, when it deletes the run that it replaces.
    const [from, ms] = i % 5 === 4 ? (['start', random.integer(200, 900)] as const) : (['checkpoint', random.integer(0, 250)] as const);
    await killed(train('--max-steps', '100000', '--save-total-limit', '2', ...how), from, ms);
    const found = checkpoints();
    if (from === 'checkpoint') assert.ok(found.length > 0, `kill ${i}: a checkpoint was reported and is not there`);
    for (const name of found) await load(join(cwd, 'run', name));
    loaded += found.length;
    interruptedWrites += Math.min(1, leftovers().length);
  }
  t.diagnostic(`${loaded} checkpoints loaded; ${interruptedWrites} kills fell into a write`);
  assert.ok(interruptedWrites > 0, 'no kill fell into a write, so nothing was shown');
  const { code, stderr } = await attune(train('--max-steps', '3', '--overwrite-output-dir'), { cwd });
  assert.equal(code, 0, stderr);
  assert.deepEqual(leftovers(), []);
  assert.deepEqual(checkpoints().sort(), ['checkpoint-1', 'checkpoint-2', 'checkpoint-3']);
});
