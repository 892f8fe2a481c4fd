/** Ctrl-C in the middle of a run, and resuming it. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { attune, jsonLines } from '../../support/cli.js';
import type { CliResult } from '../../support/cli.js';
import { printedWithHint } from '../../support/refusal.js';
import { modelAndData } from '../../support/workspace.js';

const cwd = modelAndData();

const train = (dir: string, ...more: string[]): string[] => [
  'train',
  '--model',
  'model',
  '--dataset',
  'data',
  '--output-dir',
  dir,
  '--per-device-train-batch-size',
  '2',
  '--logging-steps',
  '1',
  '--save-strategy',
  'no',
  '--json',
  ...more,
];

const timeless = (text: string): object[] =>
  jsonLines(text)
    .filter(({ type }) => type === 'train' || type === 'final')
    .map((record) =>
      Object.fromEntries(Object.entries(record).filter(([key]) => !/runtime|per_second/.test(key))),
    );

const STEPS = '60';

/** Returns the only checkpoint in a run's folder, which the error of the interrupted run names, with its step. */
function assertInterrupted(dir: string, { stderr }: CliResult): string {
  const [name, ...others] = readdirSync(join(cwd, dir)).filter((each) => each.startsWith('checkpoint-'));
  assert.deepEqual(others, []);
  const checkpoint = join(dir, name);
  const expected = printedWithHint('run-interrupted', {
    during: 'training',
    step: Number(name.split('-')[1]),
    totalSteps: Number(STEPS),
    checkpoint,
  });
  assert.ok(stderr.includes(`${expected}\n`), stderr);
  return checkpoint;
}

// Kills and broken disks: test/faults and kill.slow.test.ts.
describe('attune train', () => {
  it('saves after the current step on SIGINT, and resumes to the same records and weights', async () => {
    const expected = await attune(train('whole', '--max-steps', STEPS), { cwd });
    assert.equal(expected.code, 0, expected.stderr);
    const first = await attune(train('cut', '--max-steps', STEPS), {
      cwd,
      signals: [{ when: /step +5\/60/, signal: 'SIGINT' }],
    });
    assert.equal(first.code, 130, first.stderr);
    const checkpoint = assertInterrupted('cut', first);
    assert.ok(!existsSync(join(cwd, 'cut', 'model.safetensors')), 'an interrupted run has no final model');
    const second = await attune(train('cut', '--max-steps', STEPS, '--resume-from-checkpoint'), { cwd });
    assert.equal(second.code, 0, second.stderr);
    assert.ok(second.stderr.includes(`going on from ${checkpoint}`), second.stderr);
    assert.deepEqual([...timeless(first.stdout), ...timeless(second.stdout)], timeless(expected.stdout));
    assert.ok(
      readFileSync(join(cwd, 'cut', 'model.safetensors')).equals(
        readFileSync(join(cwd, 'whole', 'model.safetensors')),
      ),
    );
  });

  for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
    it(`ends with 130 after the current step on ${signal}`, async () => {
      const result = await attune(train(signal, '--max-steps', STEPS), {
        cwd,
        signals: [{ when: /step +5\/60/, signal }],
      });
      assert.equal(result.code, 130, result.stderr);
      assertInterrupted(signal, result);
    });
  }

  it('ends at once on a second SIGINT, even in the middle of a step of a large model', async () => {
    const result = await attune(
      [
        'train',
        '--dataset',
        'data',
        '--output-dir',
        'twice',
        '--max-steps',
        '100000',
        '--logging-steps',
        '1',
      ],
      {
        cwd,
        signals: [
          { when: /step +3\//, signal: 'SIGINT' },
          { when: /once more to stop at once/, signal: 'SIGINT' },
        ],
      },
    );
    // A shell reports this as 130.
    assert.deepEqual([result.code, result.signal], [null, 'SIGINT'], result.stderr);
    assert.doesNotMatch(result.stderr, /terminate called/);
  });
});
