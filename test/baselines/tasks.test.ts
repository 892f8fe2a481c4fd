import assert from 'node:assert/strict';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { runTasks, serveTasks } from '#attune/baselines/tasks.js';
import type { Work } from '#attune/baselines/tasks.js';
import { folder } from '../support/folder.js';

/** Work whose threads run `body`, an expression of `setup` and `task`. */
function work(t: TestContext, body: string): Work<number, unknown> {
  const tasks = import.meta.resolve('#attune/baselines/tasks.js');
  const dir = folder(t, { 'worker.mjs': `import { serveTasks } from ${JSON.stringify(tasks)};\nserveTasks((setup) => (task) => { ${body} });\n` });
  return { module: pathToFileURL(join(dir, 'worker.mjs')), prepare: (setup) => (task) => setup + task, what: 'the test' };
}

test('results come in the order of tasks, whoever does them', async (t) => {
  const doubled = work(t, 'return setup + task;');
  for (const threads of [1, 2, 5]) {
    assert.deepEqual(await runTasks(doubled, 100, { tasks: 7, threads, groupOf: (task) => task % 3 }), [100, 101, 102, 103, 104, 105, 106]);
  }
  assert.deepEqual(await runTasks(doubled, 1, { tasks: 0, threads: 2 }), []);
});

test('what a task throws, and a thread that dies or leaves, rejects and does not hang', async (t) => {
  const options = { tasks: 4, threads: 2 };
  await assert.rejects(runTasks(work(t, 'if (task === 2) throw new RangeError("no " + task); return task;'), 0, options), /no 2/);
  await assert.rejects(runTasks(work(t, 'if (task === 1) process.exit(3); return task;'), 0, options), /a thread of the test ended \(exit 3\)/);
  // A thread that fails to load at all.
  await assert.rejects(runTasks({ ...work(t, ''), module: new URL('file:///nowhere/worker.mjs') }, 0, options), /a thread of the test died/);
});

test('a worker module does nothing outside a worker', () => {
  serveTasks(() => () => assert.fail('called'));
});
