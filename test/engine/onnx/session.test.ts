/** What happens when the engine's thread fails or dies: every request is answered, none hangs. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { packRows } from '#attune/engine/batch.js';
import { warmUp } from '#attune/engine/engine.js';
import type { EngineSession } from '#attune/engine/engine.js';
import { onnxEngine } from '#attune/engine/onnx/session.js';
import { TrainingError } from '#attune/errors.js';
import { gpt2Graphs } from '#attune/model/gpt2.js';
import { randomParameters, tinyConfig } from '../../support/models.js';
import { stepRequest } from './sessions.js';

const CONFIG = tinyConfig();
const BATCH = packRows([{ ids: Int32Array.of(1, 2, 3), blind: false }], [1]);
const TIME = { timeout: 1_800_000 };

/** A session with parameters, and the thread behind it. */
async function openWithWorker(t: TestContext): Promise<{ session: EngineSession; worker: Worker }> {
  const workers = startedThreads(t);
  const session = await onnxEngine.open(gpt2Graphs(CONFIG), { seed: 0, threads: 1 });
  t.after(() => session.close());
  for (const [name, values] of randomParameters(CONFIG, 1))
    await session.writeTensor('parameter', name, values);
  // Answered after all that was written: nothing is under way.
  await session.readTensor('parameter', 'score.weight');
  assert.equal(workers.length, 1);
  return { session, worker: workers[0] };
}

function assertDied(error: unknown): true {
  assert.ok(error instanceof TrainingError);
  assert.match(error.message, /^the CPU engine's thread (ended|died)/);
  return true;
}

test('a thread that ends rejects all pending and all later requests', TIME, async (t) => {
  const { session, worker } = await openWithWorker(t);
  // Asked while the thread is being ended, or a quick answer might come first; and requests that stay in
  // JavaScript, because a thread terminated inside ONNX Runtime takes the process along.
  const terminated = worker.terminate();
  const pending = ['score.weight', 'transformer.wte.weight', 'transformer.wpe.weight'].map((name) =>
    assert.rejects(session.readTensor('moment1', name), assertDied),
  );
  await terminated;
  await Promise.all(pending);
  await assert.rejects(session.infer(BATCH), assertDied);
  await assert.rejects(session.step(stepRequest([BATCH], 1, 0)), assertDied);
  await assert.rejects(session.writeTensor('moment1', 'score.weight', new Float32Array(24)), assertDied);
  // Closing what is already gone is no error: it stands in `finally`.
  await session.close();
});

test('a thread that ends while nobody waits is told to the next who asks', TIME, async (t) => {
  const { session, worker } = await openWithWorker(t);
  await worker.terminate();
  await assert.rejects(session.infer(BATCH), assertDied);
});

test('a thread that throws while it starts rejects what was asked of it, and says why', TIME, async () => {
  const graphs = gpt2Graphs(CONFIG);
  const session = await onnxEngine.open(
    { ...graphs, parameters: [...graphs.parameters, { name: 'stray', shape: [4], decay: false }] },
    { seed: 0 },
  );
  const died = /the CPU engine's thread died: the training graph gives no gradient of stray/;
  await assert.rejects(session.infer(BATCH), died);
  await assert.rejects(session.readTensor('parameter', 'score.weight'), died);
  await session.close();
});

test('a request that fails is rejected alone, in its turn; the session goes on', TIME, async (t) => {
  const { session } = await openWithWorker(t);
  const [before, failed, after] = await Promise.allSettled([
    session.infer(BATCH),
    session.writeTensor('parameter', 'score.weight', new Float32Array(5)),
    session.infer(BATCH),
  ]);
  assert.equal(before.status, 'fulfilled');
  assert.ok(failed.status === 'rejected' && failed.reason instanceof TrainingError);
  assert.match(failed.reason.message, /^the CPU engine failed: score.weight: 5 values for 24/);
  assert.deepEqual(after, before);
  // An id beyond the vocabulary fails inside ONNX Runtime.
  await assert.rejects(session.infer(packRows([{ ids: Int32Array.of(11), blind: false }])), TrainingError);
  assert.ok((await session.infer(BATCH)).every(Number.isFinite));
});

test('requests are answered in order, and closing waits for them', TIME, async () => {
  const session = await onnxEngine.open(gpt2Graphs(CONFIG), { seed: 0, threads: 1 });
  for (const [name, values] of randomParameters(CONFIG, 1))
    await session.writeTensor('parameter', name, values);
  const answered: string[] = [];
  const note = (name: string) => (): void => void answered.push(name);
  const work = [
    session.infer(BATCH).then(note('infer')),
    session.step(stepRequest([BATCH], 1, 0)).then(note('step')),
    session.close().then(note('close')),
  ];
  await Promise.all(work);
  assert.deepEqual(answered, ['infer', 'step', 'close']);
  await assert.rejects(session.infer(BATCH), /the session is closed/);
  await session.close();
});

test('an idle session does not keep the process alive, and says what it is', TIME, async (t) => {
  const { session, worker } = await openWithWorker(t);
  assert.equal(session.description, 'CPU, 1 thread (ONNX Runtime)');
  const refs = t.mock.method(worker, 'ref');
  const unrefs = t.mock.method(worker, 'unref');
  await Promise.all([session.infer(BATCH), session.infer(BATCH)]);
  assert.equal(refs.mock.callCount(), 2);
  // Not after the first answer, while the second is still awaited.
  assert.equal(unrefs.mock.callCount(), 1);
});

/** The threads that are started from now on; Node tells of them a moment later. */
function startedThreads(t: TestContext): Worker[] {
  const workers: Worker[] = [];
  const listen = (worker: Worker): void => void workers.push(worker);
  process.on('worker', listen);
  t.after(() => process.off('worker', listen));
  return workers;
}

async function assertInfers(session: EngineSession): Promise<void> {
  for (const [name, values] of randomParameters(CONFIG, 1))
    await session.writeTensor('parameter', name, values);
  assert.ok((await session.infer(BATCH)).every(Number.isFinite));
  await session.close();
}

test('a warm thread is taken by the session that is opened next, and by no other', TIME, async (t) => {
  const threads = startedThreads(t);
  const engine = warmUp(onnxEngine);
  for (let session = 1; session <= 2; session++) {
    await assertInfers(await engine.open(gpt2Graphs(CONFIG), { seed: 0, threads: 1, first: 'prediction' }));
    assert.equal(threads.length, session);
  }
  await engine.close();
});

test('a warm thread that dies before its session is replaced', TIME, async (t) => {
  const threads = startedThreads(t);
  const engine = warmUp(onnxEngine);
  await new Promise((resolve) => setImmediate(resolve));
  // It says so when it has loaded; until then it keeps the process alive.
  await once(threads[0], 'message');
  // Terminated in native code it would take the process along, so it is told to end.
  threads[0].postMessage({ id: 99, request: { call: 'close' } });
  threads[0].ref();
  await once(threads[0], 'exit');
  await assertInfers(await engine.open(gpt2Graphs(CONFIG), { seed: 0, threads: 1 }));
  assert.equal(threads.length, 2);
});

test(
  'a warm thread that no session takes has loaded its library, and is gone, when the engine is closed',
  TIME,
  async (t) => {
    const threads = startedThreads(t);
    const engine = warmUp(onnxEngine);
    await new Promise((resolve) => setImmediate(resolve));
    const terminated = t.mock.method(threads[0], 'terminate');
    const codes: number[] = [];
    threads[0].on('exit', (code) => codes.push(code));
    // That it has loaded, and its answer to `close`, come from the module that loads the library first.
    const answered: unknown[] = [];
    threads[0].on('message', (message) => answered.push(message));
    await engine.close();
    assert.deepEqual([answered.length, codes.length], [2, 1]);
    assert.ok(terminated.mock.callCount() <= 1);
    await engine.close();
  },
);

test('what the thread says after it has died touches nothing', TIME, async (t) => {
  const { session, worker } = await openWithWorker(t);
  const pending = [
    assert.rejects(session.readTensor('moment1', 'score.weight'), assertDied),
    assert.rejects(session.infer(BATCH), assertDied),
  ];
  const unrefs = t.mock.method(worker, 'unref');
  // An error's event may overtake the answers that were posted before it.
  worker.emit('error', new Error('boom'));
  worker.emit('message', { id: 99, value: new Float32Array(1) });
  await Promise.all(pending);
  await assert.rejects(session.infer(BATCH), /the CPU engine's thread died: boom/);
  assert.equal(unrefs.mock.callCount(), 0);
  await session.close();
  await assert.rejects(session.infer(BATCH), /the CPU engine's thread died: boom/);
});

test('an exit that overtakes the answer to close is no death', TIME, async (t) => {
  const { session, worker } = await openWithWorker(t);
  const closing = session.close();
  worker.emit('exit', 0);
  await closing;
  await assert.rejects(session.infer(BATCH), /the session is closed/);
});

test('a session is closed once, however often it is asked to', TIME, async (t) => {
  const { session } = await openWithWorker(t);
  await Promise.all([session.close(), session.close()]);
  await session.close();
});
