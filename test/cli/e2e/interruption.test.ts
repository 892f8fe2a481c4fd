/** Ctrl-C, SIGTERM and SIGKILL in the middle of a run, and going on afterwards. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readConfig } from '#attune/model/config.js';
import { parameterSpecs } from '#attune/model/parameters.js';
import { SafetensorsFile } from '#attune/model/safetensors.js';
import { readCheckpoint } from '#attune/train/checkpoint.js';
import { attune, jsonLines, writeData, writeTinyModel } from '../../support/cli.js';

let cwd = '';
before(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'attune-test-'));
  await writeTinyModel(join(cwd, 'model'));
  writeData(join(cwd, 'data'));
});
after(() => rmSync(cwd, { recursive: true, force: true }));

const train = (dir: string, ...more: string[]): string[] => ['train', '--model', 'model', '--dataset', 'data', '--output-dir', dir, '--per-device-train-batch-size', '2', '--logging-steps', '1', '--save-strategy', 'no', '--json', ...more];

const timeless = (text: string): object[] =>
  jsonLines(text).filter(({ type }) => type === 'train' || type === 'final').map((record) => Object.fromEntries(Object.entries(record).filter(([key]) => !/runtime|per_second/.test(key))));

const STEPS = '60';

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} finishes the step, saves, says how to go on, and the run goes on to the same end`, async () => {
    const [whole, cut] = [`whole-${signal}`, `cut-${signal}`];
    const expected = await attune(train(whole, '--max-steps', STEPS), { cwd });
    assert.equal(expected.code, 0, expected.stderr);
    const first = await attune(train(cut, '--max-steps', STEPS), { cwd, signals: [{ when: /step +5\/60/, signal }] });
    assert.equal(first.code, 130, first.stderr);
    assert.match(first.stderr, /interrupted after step \d+ of 60.*--resume-from-checkpoint/s);
    assert.ok(!existsSync(join(cwd, cut, 'model.safetensors')), 'an interrupted run has no final model');
    const second = await attune(train(cut, '--max-steps', STEPS, '--resume-from-checkpoint'), { cwd });
    assert.equal(second.code, 0, second.stderr);
    assert.match(second.stderr, /going on from cut-SIG(INT|TERM).checkpoint-\d+/);
    assert.deepEqual([...timeless(first.stdout), ...timeless(second.stdout)], timeless(expected.stdout));
    assert.ok(readFileSync(join(cwd, cut, 'model.safetensors')).equals(readFileSync(join(cwd, whole, 'model.safetensors'))));
  });
}

test('a second Ctrl-C ends at once, in the middle of a step of a large model too', async () => {
  const result = await attune(['train', '--dataset', 'data', '--output-dir', 'twice', '--max-steps', '100000', '--logging-steps', '1'], {
    cwd,
    signals: [{ when: /step +3\//, signal: 'SIGINT' }, { when: /once more to stop at once/, signal: 'SIGINT' }],
  });
  // What a shell reports as 130.
  assert.deepEqual([result.code, result.signal], [null, 'SIGINT'], result.stderr);
  assert.doesNotMatch(result.stderr, /terminate called/);
});

const bin = fileURLToPath(new URL('../../../bin/attune.js', import.meta.url));

/** Starts a run that saves at every step, and kills it some milliseconds after its first checkpoint appeared. */
function killed(dir: string, ms: number): Promise<void> {
  const name = join(cwd, dir, 'checkpoint-1');
  rmSync(join(cwd, dir), { recursive: true, force: true });
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [bin, ...train(dir, '--save-strategy', 'steps', '--save-steps', '1', '--max-steps', '1000')], { cwd, stdio: 'ignore' });
    const watch = setInterval(() => {
      if (!existsSync(name)) return;
      clearInterval(watch);
      setTimeout(() => child.kill('SIGKILL'), ms);
    }, 5);
    child.on('close', () => {
      clearInterval(watch);
      resolve();
    });
  });
}

test('killed at any moment, every checkpoint that exists is whole, and the next start clears what is not', { timeout: 120_000 }, async (t) => {
  const seed = Date.now() % 1000;
  t.diagnostic(`seed ${seed}`);
  let checkpoints = 0;
  for (let i = 0; i < 3; i++) {
    await killed('kill', (seed * 37 + i * 83) % 300);
    const names = readdirSync(join(cwd, 'kill')).filter((name) => name.startsWith('checkpoint-'));
    for (const name of names) {
      const dir = join(cwd, 'kill', name);
      assert.equal((await readCheckpoint(dir)).state.global_step, Number(name.slice('checkpoint-'.length)));
      const file = await SafetensorsFile.open(join(dir, 'optimizer.safetensors'));
      for (const { name: parameter } of parameterSpecs(await readConfig(dir))) await file.read(`exp_avg_sq.${parameter}`);
      await file.close();
      checkpoints++;
    }
  }
  assert.ok(checkpoints > 0, 'no run lived long enough to save');
  const next = await attune(train('kill', '--max-steps', '1', '--overwrite-output-dir'), { cwd });
  assert.equal(next.code, 0, next.stderr);
  assert.deepEqual(readdirSync(join(cwd, 'kill')).filter((name) => name.includes('partial')), []);
});
