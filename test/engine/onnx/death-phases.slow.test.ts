/**
 * The thread of the CPU engine ends in each phase of a run and of a prediction: an error, exit status 1, and what
 * was saved before is whole. Through the real command line.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { writeByteModel } from '../../support/byte-model.js';
import { attune } from '../../support/cli.js';
import { printed } from '../../support/refusal.js';
import { modelAndData } from '../../support/workspace.js';

const cwd = modelAndData(writeByteModel);
const TIME = { timeout: 1_800_000 };
const ENDED = printed('cpu-thread-ended', { exitCode: 7 });
const COMMON = '--model model --dataset data --threads 1';
const TRAIN = (
  `train ${COMMON} --max-steps 6 --save-strategy steps --save-steps 1 --eval-strategy steps --eval-steps 1 ` +
  '--output-dir phases --overwrite-output-dir'
).split(' ');

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

describe('attune train', () => {
  // While it loads, in a step, in an evaluation, while the parameters of a checkpoint are read; the last one after
  // other checkpoints.
  for (const [call, nth] of [
    ['write', 2],
    ['step', 3],
    ['infer', 2],
    ['read', 4],
    ['read', 60],
  ] as const) {
    it(
      `fails, and resumes from what it saved, if the engine's thread ends at request ${nth} to ${call}`,
      TIME,
      async () => {
        const { code, stderr } = await attune(TRAIN, { cwd, env: deathAt(call, nth) });
        assert.equal(code, 1, stderr);
        assert.match(stderr, /^error: /m);
        assert.ok(stderr.includes(ENDED), stderr);
        assert.doesNotMatch(stderr, /defect of attune/);
        const left = existsSync(join(cwd, 'phases')) ? readdirSync(join(cwd, 'phases')) : [];
        assert.deepEqual(
          left.filter((name) => /lock|partial|^\.attune-(?!files\.json)/.test(name)),
          [],
        );
        // What was saved before is whole, and the run resumes from it.
        const saved = left.filter((name) => name.startsWith('checkpoint-'));
        if (saved.length > 0) {
          const again = await attune(
            [...TRAIN.filter((word) => word !== '--overwrite-output-dir'), '--resume-from-checkpoint'],
            { cwd },
          );
          assert.equal(again.code, 0, again.stderr);
        } else assert.notEqual(nth, 60);
        rmSync(join(cwd, 'phases'), { recursive: true, force: true });
      },
    );
  }
});

describe('attune predict and attune evaluate', () => {
  it("fail without output if the engine's thread ends while texts are classified", TIME, async () => {
    const once = `train ${COMMON} --max-steps 1 --save-strategy no --output-dir classifier`;
    const trained = await attune(once.split(' '), { cwd });
    assert.equal(trained.code, 0, trained.stderr);
    for (const words of [
      ['predict', '--model', 'classifier', '--text', 'a'],
      ['evaluate', '--model', 'classifier', '--dataset', 'data'],
    ]) {
      const { code, stdout, stderr } = await attune(words, { cwd, env: deathAt('infer', 1) });
      assert.deepEqual([code, stdout], [1, ''], stderr);
      assert.ok(stderr.includes(`error: ${ENDED}`), stderr);
    }
  });
});
