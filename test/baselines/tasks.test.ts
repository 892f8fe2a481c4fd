import assert from 'node:assert/strict';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { ResourceLimits, Worker } from 'node:worker_threads';
import { runTasks, serveTasks } from '#attune/baselines/tasks.js';
import type { Work } from '#attune/baselines/tasks.js';
import { TrainingError } from '#attune/errors.js';
import { folder } from '../support/folder.js';
import { watchThreads } from '../support/threads.js';

/** Work whose threads are a module with this source; `port`, `serveTasks` and `TrainingError` are at hand. */
function workOf(t: TestContext, source: string, resourceLimits?: ResourceLimits): Work<number, unknown> {
  const head = [
    `import { parentPort as port } from 'node:worker_threads';`,
    `import { serveTasks } from ${JSON.stringify(import.meta.resolve('#attune/baselines/tasks.js'))};`,
    `import { TrainingError } from ${JSON.stringify(import.meta.resolve('#attune/errors.js'))};`,
  ];
  const dir = folder(t, { 'worker.mjs': [...head, source].join('\n') });
  const module = pathToFileURL(join(dir, 'worker.mjs'));
  return { module, prepare: (setup) => (task) => setup + task, what: 'the test', resourceLimits };
}

/** Work whose threads run `body`, statements of `setup` and `task`. */
const work = (t: TestContext, body: string, resourceLimits?: ResourceLimits): Work<number, unknown> =>
  workOf(t, `serveTasks((setup) => (task) => { ${body} });`, resourceLimits);

const two = { tasks: 4, threads: 2 };

test('results come in the order of tasks, whoever does them', async (t) => {
  const doubled = work(t, 'return setup + task;');
  for (const count of [0, 1, 2, 5]) {
    const results = await runTasks(doubled, 100, { tasks: 7, threads: count, groupOf: (task) => task % 3 });
    assert.deepEqual(results, [100, 101, 102, 103, 104, 105, 106]);
  }
  assert.deepEqual(await runTasks(doubled, 1, { tasks: 0, threads: 2 }), []);
});

test('what a task throws rejects, as the error that it is', async (t) => {
  await assert.rejects(
    runTasks(work(t, 'if (task === 2) throw new RangeError("no " + task); return task;'), 0, two),
    /no 2/,
  );
  const refusing = work(t, 'throw new TrainingError("too far", { hint: "Scale." });');
  const refused = (error: unknown): boolean =>
    error instanceof TrainingError && error.message === 'too far' && error.hint === 'Scale.';
  await assert.rejects(runTasks(refusing, 0, two), refused);
});

test('a thread that throws nothing in particular rejects all the same', async (t) => {
  await assert.rejects(runTasks(work(t, 'throw undefined;'), 0, two), (error) => error === undefined);
});

test('a thread that leaves, fails to load, or loses a promise rejects', async (t) => {
  await assert.rejects(
    runTasks(work(t, 'if (task === 1) process.exit(3); return task;'), 0, two),
    /a thread of the test ended \(exit 3\)/,
  );
  const nowhere = { ...work(t, ''), module: new URL('file:///nowhere/worker.mjs') };
  await assert.rejects(runTasks(nowhere, 0, two), /a thread of the test died/);
  const losing = work(t, `void Promise.reject(new Error('lost')); return task;`);
  await assert.rejects(runTasks(losing, 0, { tasks: 1_000, threads: 1 }), /a thread of the test died: lost/);
});

test('a thread that leaves while another has all the work left rejects', async (t) => {
  const leaving = workOf(
    t,
    `port.on('message', (task) => {
      if (task === 0) return;
      port.postMessage({ task, result: 1 });
      setImmediate(() => process.exit(0));
    });`,
  );
  await assert.rejects(runTasks(leaving, 0, { tasks: 2, threads: 2 }), /ended \(exit 0\)/);
});

test('a thread that runs out of memory rejects', async (t) => {
  const hungry = work(t, 'const kept = []; for (;;) kept.push(new Array(1000).fill(kept.length));', {
    maxOldGenerationSizeMb: 8,
  });
  await assert.rejects(runTasks(hungry, 0, two), /a thread of the test died: .*memory/i);
});

test('a result that cannot be sent, and an answer to what was not asked, reject', async (t) => {
  await assert.rejects(
    runTasks(work(t, 'return () => task;'), 0, two),
    /the result of task [01] cannot be sent: .*could not be cloned/,
  );
  const confused = workOf(t, `port.on('message', () => port.postMessage({ task: 99, result: 1 }));`);
  await assert.rejects(runTasks(confused, 0, two), /answered task 99, which it was not given/);
});

test('what a thread says after the end changes nothing', async (t) => {
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

test('an aborted signal ends threads that never end, with its reason', async (t) => {
  const noneIsAlive = watchThreads(t);
  const abort = new AbortController();
  const running = runTasks(work(t, 'for (;;);'), 0, { ...two, signal: abort.signal });
  setTimeout(() => abort.abort(new Error('enough')));
  await assert.rejects(running, /enough/);
  assert.equal(noneIsAlive(), 2);
});

test('an aborted signal ends tasks of this thread before the next one', async (t) => {
  const abort = new AbortController();
  setTimeout(() => abort.abort(new Error('enough')));
  const here: Work<number, unknown> = { ...work(t, ''), prepare: () => (task) => task };
  await assert.rejects(runTasks(here, 0, { tasks: Infinity, threads: 0, signal: abort.signal }), /enough/);
});

test('a signal that is aborted already starts nothing', async (t) => {
  const never: Work<number, unknown> = { ...work(t, ''), prepare: () => assert.fail('prepared') };
  const options = { tasks: 1, signal: AbortSignal.abort(new Error('before')) };
  for (const count of [0, 1])
    await assert.rejects(runTasks(never, 0, { ...options, threads: count }), /before/);
});

test('a signal has no listener left after the end', async (t) => {
  const { signal } = new AbortController();
  let [added, removed] = [0, 0];
  t.mock.method(signal, 'addEventListener', () => added++);
  t.mock.method(signal, 'removeEventListener', () => removed++);
  await runTasks(work(t, 'return task;'), 0, { ...two, signal });
  await assert.rejects(runTasks(work(t, 'process.exit(1);'), 0, { ...two, signal }));
  assert.deepEqual([added, removed], [2, 2]);
});

test('a worker module does nothing outside a worker', () => {
  serveTasks(() => () => assert.fail('called'));
});
