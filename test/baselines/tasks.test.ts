import assert from 'node:assert/strict';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type { ResourceLimits, Worker } from 'node:worker_threads';
import { runTasks, serveTasks } from '#attune/baselines/tasks.js';
import type { Work } from '#attune/baselines/tasks.js';
import { ThreadDeath, TrainingError } from '#attune/errors/attune-error.js';
import { folder } from '../support/folder.js';
import { refusal } from '../support/refusal.js';
import { watchThreads } from '../support/threads.js';

/** Work whose threads run a module with this source, which may use `port`, `serveTasks` and `TrainingError`. */
function workOf(t: TestContext, source: string, resourceLimits?: ResourceLimits): Work<number, unknown> {
  const head = [
    `import { parentPort as port } from 'node:worker_threads';`,
    `import { serveTasks } from ${JSON.stringify(import.meta.resolve('#attune/baselines/tasks.js'))};`,
    `import { TrainingError } from ${JSON.stringify(import.meta.resolve('#attune/errors/attune-error.js'))};`,
  ];
  const dir = folder(t, { 'worker.mjs': [...head, source].join('\n') });
  const module = pathToFileURL(join(dir, 'worker.mjs'));
  return { module, prepare: (setup) => (task) => setup + task, what: 'test', resourceLimits };
}

/** Work whose threads run `body`: statements that may use `setup` and `task`. */
const work = (t: TestContext, body: string, resourceLimits?: ResourceLimits): Work<number, unknown> =>
  workOf(t, `serveTasks((setup) => (task) => { ${body} });`, resourceLimits);

const two = { tasks: 4, threads: 2 };

describe('runTasks', () => {
  it('returns results in the order of tasks, whichever thread does them', async (t) => {
    const doubled = work(t, 'return setup + task;');
    for (const count of [0, 1, 2, 5]) {
      const results = await runTasks(doubled, 100, { tasks: 7, threads: count, groupOf: (task) => task % 3 });
      assert.deepEqual(results, [100, 101, 102, 103, 104, 105, 106]);
    }
    assert.deepEqual(await runTasks(doubled, 1, { tasks: 0, threads: 2 }), []);
  });

  it('rejects with the error that a task throws, code and facts included', async (t) => {
    await assert.rejects(
      runTasks(work(t, 'if (task === 2) throw new RangeError("no " + task); return task;'), 0, two),
      (error) => error instanceof RangeError && error.message === 'no 2',
    );
    const refusing = work(t, 'throw new TrainingError("features-memory-unavailable", { bytes: 7 });');
    await assert.rejects(
      runTasks(refusing, 0, two),
      refusal(TrainingError, 'features-memory-unavailable', { bytes: 7 }),
    );
  });

  it('rejects if a task throws undefined', async (t) => {
    await assert.rejects(runTasks(work(t, 'throw undefined;'), 0, two), (error) => error === undefined);
  });

  it('rejects if a thread exits', async (t) => {
    await assert.rejects(
      runTasks(work(t, 'if (task === 1) process.exit(3); return task;'), 0, two),
      refusal(ThreadDeath, 'estimator-thread-ended', { work: 'test', exitCode: 3 }),
    );
  });

  it('rejects if a thread cannot load its module', async (t) => {
    const nowhere = { ...work(t, ''), module: new URL('file:///nowhere/worker.mjs') };
    await assert.rejects(
      runTasks(nowhere, 0, two),
      refusal(ThreadDeath, 'estimator-thread-died', { work: 'test' }),
    );
  });

  it('rejects if a thread has an unhandled rejection', async (t) => {
    const losing = work(t, `void Promise.reject(new Error('lost')); return task;`);
    await assert.rejects(
      runTasks(losing, 0, { tasks: 1_000, threads: 1 }),
      refusal(ThreadDeath, 'estimator-thread-died', { work: 'test', reason: 'lost' }),
    );
  });

  it('rejects if a thread exits while another one has all remaining tasks', async (t) => {
    const leaving = workOf(
      t,
      `port.on('message', (task) => {
      if (task === 0) return;
      port.postMessage({ task, result: 1 });
      setImmediate(() => process.exit(0));
    });`,
    );
    await assert.rejects(
      runTasks(leaving, 0, { tasks: 2, threads: 2 }),
      refusal(ThreadDeath, 'estimator-thread-ended', { work: 'test', exitCode: 0 }),
    );
  });

  it('rejects if a thread runs out of memory', async (t) => {
    const hungry = work(t, 'const kept = []; for (;;) kept.push(new Array(1000).fill(kept.length));', {
      maxOldGenerationSizeMb: 8,
    });
    await assert.rejects(runTasks(hungry, 0, two), (error) => {
      refusal(ThreadDeath, 'estimator-thread-died', { work: 'test' })(error);
      assert.match(JSON.stringify((error as ThreadDeath).facts), /memory/i);
      return true;
    });
  });

  it('rejects if a result cannot be cloned', async (t) => {
    await assert.rejects(runTasks(work(t, 'return () => task;'), 0, two), (error) => {
      refusal(TrainingError, 'estimator-result-unsendable')(error);
      const { facts } = error as TrainingError;
      assert.ok(facts['task'] === 0 || facts['task'] === 1);
      assert.match(JSON.stringify(facts), /could not be cloned/);
      return true;
    });
  });

  it('rejects if a thread answers a task that it was not given', async (t) => {
    const confused = workOf(t, `port.on('message', () => port.postMessage({ task: 99, result: 1 }));`);
    await assert.rejects(
      runTasks(confused, 0, two),
      refusal(ThreadDeath, 'estimator-thread-confused', { work: 'test', task: 99 }),
    );
  });

  it('ignores messages, errors and exits of threads after the last result', async (t) => {
    const talking = workOf(
      t,
      `port.on('message', (task) => {
      for (let i = 0; i < 3; i++) port.postMessage({ task, result: i });
    });`,
    );
    // Node promises no order of a thread's messages and its error, so the error is emitted here, right after
    // the answer was taken. Without a listener it would be thrown.
    let late = 0;
    const follow = (worker: Worker): void =>
      void worker.once('message', () => {
        worker.emit('error', new Error('late'));
        worker.emit('exit', 1);
        late++;
      });
    process.on('worker', follow);
    t.after(() => process.off('worker', follow));
    assert.deepEqual(await runTasks(talking, 0, { tasks: 1, threads: 1 }), [0]);
    assert.equal(late, 1);
  });

  it('ends threads in an endless loop and rejects with the reason if its signal is aborted', async (t) => {
    const noneIsAlive = watchThreads(t);
    const abort = new AbortController();
    const running = runTasks(work(t, 'for (;;);'), 0, { ...two, signal: abort.signal });
    setTimeout(() => abort.abort(new Error('enough')));
    await assert.rejects(running, /enough/);
    assert.equal(noneIsAlive(), 2);
  });

  it('stops before the next task without threads if its signal is aborted', async (t) => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(new Error('enough')));
    const here: Work<number, unknown> = { ...work(t, ''), prepare: () => (task) => task };
    await assert.rejects(runTasks(here, 0, { tasks: Infinity, threads: 0, signal: abort.signal }), /enough/);
  });

  it('starts nothing if its signal is already aborted', async (t) => {
    const never: Work<number, unknown> = { ...work(t, ''), prepare: () => assert.fail('prepared') };
    const options = { tasks: 1, signal: AbortSignal.abort(new Error('before')) };
    for (const count of [0, 1])
      await assert.rejects(runTasks(never, 0, { ...options, threads: count }), /before/);
  });

  it('leaves no listener on its signal, whether it resolves or rejects', async (t) => {
    const { signal } = new AbortController();
    let [added, removed] = [0, 0];
    t.mock.method(signal, 'addEventListener', () => added++);
    t.mock.method(signal, 'removeEventListener', () => removed++);
    await runTasks(work(t, 'return task;'), 0, { ...two, signal });
    await assert.rejects(runTasks(work(t, 'process.exit(1);'), 0, { ...two, signal }));
    assert.deepEqual([added, removed], [2, 2]);
  });
});

describe('serveTasks', () => {
  it('does nothing outside a worker', () => {
    serveTasks(() => assert.fail('prepared'));
  });
});
