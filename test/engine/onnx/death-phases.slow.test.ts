/**
 * An engine's thread that ends in each phase of a run and of a prediction: a clear error and exit status 1,
 * and what was saved before is whole. Through the real command line.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { writeByteModel } from '../../support/byte-model.js';
import { attune } from '../../support/cli.js';
import { modelAndData } from '../../support/workspace.js';

const cwd = modelAndData(writeByteModel);

/** Ends the thread at the n-th request of a kind, before it is answered. */
function deathAt(call: string, nth: number): Readonly<Record<string, string>> {
  const file = join(cwd, `death-at-${call}.mjs`);
  writeFileSync(
    file,
    `import { isMainThread, parentPort } from 'node:worker_threads';
if (!isMainThread) {
  const on = parentPort.on;
  let seen = 0;
  parentPort.on = (event, listener) => on.call(parentPort, event, event !== 'message' ? listener : (message) => {
    if (message.request?.call === ${JSON.stringify(call)} && ++seen === ${nth}) process.exit(7);
    listener(message);
  });
}
`,
  );
  return { NODE_OPTIONS: `--import=${pathToFileURL(file).href}` };
}

// Loading, a step, an evaluation, the parameters that a checkpoint is written from; the last one after other
// checkpoints.
for (const [call, nth] of [
  ['write', 2],
  ['step', 3],
  ['infer', 2],
  ['read', 4],
  ['read', 60],
] as const) {
  test(
    `the engine's thread ends at its request ${nth} to ${call}, in the middle of a run`,
    { timeout: 1_800_000 },
    async () => {
      const words = [
        'train',
        '--model',
        'model',
        '--dataset',
        'data',
        '--output-dir',
        'phases',
        '--overwrite-output-dir',
        '--max-steps',
        '6',
        '--save-strategy',
        'steps',
        '--save-steps',
        '1',
        '--eval-strategy',
        'steps',
        '--eval-steps',
        '1',
        '--threads',
        '1',
      ];
      const { code, stderr } = await attune(words, { cwd, env: deathAt(call, nth) });
      assert.equal(code, 1, stderr);
      assert.match(stderr, /^error: .*the CPU engine's thread (died|ended)/m);
      assert.doesNotMatch(stderr, /defect of attune/);
      const left = existsSync(join(cwd, 'phases')) ? readdirSync(join(cwd, 'phases')) : [];
      assert.deepEqual(
        left.filter((name) => /lock|partial|^\.attune-(?!files\.json)/.test(name)),
        [],
      );
      // What was saved before is whole, and the run goes on from it.
      const saved = left.filter((name) => name.startsWith('checkpoint-'));
      if (saved.length > 0) {
        const again = await attune(
          [...words.filter((word) => word !== '--overwrite-output-dir'), '--resume-from-checkpoint'],
          { cwd },
        );
        assert.equal(again.code, 0, again.stderr);
      } else assert.notEqual(nth, 60);
      rmSync(join(cwd, 'phases'), { recursive: true, force: true });
    },
  );
}

test('the engine’s thread ends while texts are classified', { timeout: 1_800_000 }, async () => {
  const trained = await attune(
    [
      'train',
      '--model',
      'model',
      '--dataset',
      'data',
      '--output-dir',
      'classifier',
      '--max-steps',
      '1',
      '--save-strategy',
      'no',
      '--threads',
      '1',
    ],
    { cwd },
  );
  assert.equal(trained.code, 0, trained.stderr);
  for (const words of [
    ['predict', '--model', 'classifier', '--text', 'a'],
    ['evaluate', '--model', 'classifier', '--dataset', 'data'],
  ]) {
    const { code, stdout, stderr } = await attune(words, { cwd, env: deathAt('infer', 1) });
    assert.deepEqual([code, stdout], [1, ''], stderr);
    assert.match(stderr, /^error: the CPU engine's thread ended/m);
  }
});
