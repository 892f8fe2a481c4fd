/** As unsettled.test.ts, for a command that has much to do before. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { usableCores } from '#attune/engine/cores.js';
import { attune, toJsonl, writeTinyModel } from '../../support/cli.js';
import { printed } from '../../support/refusal.js';
import { sentences } from '../../support/sentences.js';
import { endsEarly, preloaded } from '../../support/unsettled.js';
import { workspace } from '../../support/workspace.js';

/** Enough for the forest to be grown in threads. */
const ROWS = 240;

const cwd = workspace(async (dir) => {
  await writeTinyModel(join(dir, 'model'));
  mkdirSync(join(dir, 'data'));
  writeFileSync(join(dir, 'data', 'train.jsonl'), toJsonl(sentences(ROWS, 3, { classes: 2 })));
  writeFileSync(join(dir, 'data', 'test.jsonl'), toJsonl(sentences(40, 4, { classes: 2 })));
});

describe('attune compare', () => {
  it(
    'fails if a thread that trains a baseline never answers',
    { skip: usableCores() === 1 && 'one core: no threads', timeout: 1_800_000 },
    async () => {
      const data = ['--model', 'model', '--dataset', 'data'];
      const trained = await attune(
        ['train', ...data, '--output-dir', 'run', '--max-steps', '1', '--save-strategy', 'no'],
        { cwd },
      );
      assert.equal(trained.code, 0, trained.stderr);
      // A thread of the engine gets no data from its parent, that of a baseline does.
      const deaf = `import { workerData } from 'node:worker_threads';
    if (isMainThread) process.on('worker', (worker) => worker.unref());
    else if (workerData) parentPort.on = () => parentPort;`;
      await endsEarly(['compare', '--finetuned', 'run', ...data, '--json'], { cwd, env: preloaded(deaf) });
    },
  );

  it(
    'fails if a thread that trains a baseline dies, rather than leave the baseline out',
    { skip: usableCores() === 1 && 'one core: no threads', timeout: 1_800_000 },
    async () => {
      const dying = `import { workerData } from 'node:worker_threads';
      if (!isMainThread && workerData) parentPort.on = () => process.exit(7);`;
      const { code, stderr } = await attune(
        ['compare', '--finetuned', 'run', '--model', 'model', '--dataset', 'data'],
        { cwd, env: preloaded(dying) },
      );
      assert.equal(code, 1, stderr);
      const ended = printed('estimator-thread-ended', { work: 'random forest', exitCode: 7 });
      assert.ok(stderr.includes(`error: ${ended}\n`), stderr);
    },
  );
});
