/** What happens when the thread of the CPU engine fails or dies: every request is answered, none hangs. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { packRows } from '#attune/engine/batch.js';
import { warmUp } from '#attune/engine/engine.js';
import type { EngineSession } from '#attune/engine/engine.js';
import { onnxEngine } from '#attune/engine/onnx/session.js';
import { ThreadDeath, TrainingError } from '#attune/errors/attune-error.js';
import { gpt2Graphs } from '#attune/model/gpt2.js';
import { openSession, stepRequest, withSession } from '../../support/engine-sessions.js';
import type { TestSessionOptions } from '../../support/engine-sessions.js';
import { tinyConfig } from '../../support/models.js';
import { refusal } from '../../support/refusal.js';

const CONFIG = tinyConfig();
const BATCH = packRows([{ ids: Int32Array.of(1, 2, 3), blind: false }], [1]);
const OPTIONS: TestSessionOptions = { seed: 0, parameters: 1 };
const TIME = { timeout: 1_800_000 };

/** The threads that start from now on; Node reports each a moment later. */
function startedThreads(t: TestContext): Worker[] {
  const workers: Worker[] = [];
  const listen = (worker: Worker): void => void workers.push(worker);
  process.on('worker', listen);
  t.after(() => process.off('worker', listen));
  return workers;
}

/** A session with parameters, and the thread behind it. */
async function openWithWorker(t: TestContext): Promise<{ session: EngineSession; worker: Worker }> {
  const workers = startedThreads(t);
  const session = await openSession(t, onnxEngine, CONFIG, OPTIONS);
  // Answered after all that was written: nothing is under way.
  await session.readTensor('parameter', 'score.weight');
  assert.equal(workers.length, 1);
  return { session, worker: workers[0] };
}

function assertDied(error: unknown): true {
  assert.ok(error instanceof ThreadDeath, String(error));
  assert.ok(['cpu-thread-ended', 'cpu-thread-died'].includes(error.code), error.code);
  return true;
}

describe('OnnxSession', () => {
  it('rejects all pending and all later requests after its thread has ended', TIME, async (t) => {
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

  it('rejects the next request if its thread ended while it was idle', TIME, async (t) => {
    const { session, worker } = await openWithWorker(t);
    await worker.terminate();
    await assert.rejects(session.infer(BATCH), assertDied);
  });

  it('rejects requests with the reason if its thread throws while it starts', TIME, async (t) => {
    const graphs = gpt2Graphs(CONFIG);
    const session = await onnxEngine.open(
      { ...graphs, parameters: [...graphs.parameters, { name: 'stray', shape: [4], decay: false }] },
      { seed: 0 },
    );
    t.after(() => session.close());
    const died = refusal(ThreadDeath, 'cpu-thread-died', {
      reason: 'the training graph gives no gradient of stray',
    });
    await assert.rejects(session.infer(BATCH), died);
    await assert.rejects(session.readTensor('parameter', 'score.weight'), died);
  });

  it('rejects requests of a model that is too large for its thread with that reason', TIME, async (t) => {
    const graphs = gpt2Graphs(CONFIG);
    const floats = 250_000_000;
    const session = await onnxEngine.open(
      { ...graphs, parameters: [...graphs.parameters, { name: 'vast', shape: [floats], decay: false }] },
      { seed: 0 },
    );
    t.after(() => session.close());
    // Parameter, gradient, two moments and the gradient of a further micro-batch, of 4 bytes each.
    const refused = refusal(TrainingError, 'cpu-tensor-too-large', { bytes: 20 * floats, limit: 2 ** 32 });
    await assert.rejects(session.infer(BATCH), refused);
    await assert.rejects(session.readTensor('parameter', 'score.weight'), refused);
  });

  it('rejects only the request that fails, in its turn', TIME, async (t) => {
    const { session } = await openWithWorker(t);
    const [before, failed, after] = await Promise.allSettled([
      session.infer(BATCH),
      session.writeTensor('parameter', 'score.weight', new Float32Array(5)),
      session.infer(BATCH),
    ]);
    assert.equal(before.status, 'fulfilled');
    assert.ok(failed.status === 'rejected');
    refusal(TrainingError, 'cpu-values-misfit', { parameter: 'score.weight', found: 5, expected: 24 })(
      failed.reason,
    );
    assert.deepEqual(after, before);
    // An id beyond the vocabulary fails inside ONNX Runtime.
    const beyond = packRows([{ ids: Int32Array.of(11), blind: false }]);
    await assert.rejects(session.infer(beyond), refusal(TrainingError, 'cpu-engine-failed'));
    assert.ok((await session.infer(BATCH)).every(Number.isFinite));
  });

  it('answers requests in order, and waits for them when it is closed', TIME, async (t) => {
    const session = await openSession(t, onnxEngine, CONFIG, OPTIONS);
    const answered: string[] = [];
    const note = (name: string) => (): void => void answered.push(name);
    await Promise.all([
      session.infer(BATCH).then(note('infer')),
      session.step(stepRequest([BATCH], 1, 0)).then(note('step')),
      session.close().then(note('close')),
    ]);
    assert.deepEqual(answered, ['infer', 'step', 'close']);
    await assert.rejects(session.infer(BATCH), refusal(TrainingError, 'session-closed'));
  });

  it('keeps the process alive only while an answer is awaited', TIME, async (t) => {
    const { session, worker } = await openWithWorker(t);
    assert.equal(session.description, 'CPU, 1 thread (ONNX Runtime)');
    const refs = t.mock.method(worker, 'ref');
    const unrefs = t.mock.method(worker, 'unref');
    await Promise.all([session.infer(BATCH), session.infer(BATCH)]);
    assert.equal(refs.mock.callCount(), 2);
    // Not after the first answer, while the second is still awaited.
    assert.equal(unrefs.mock.callCount(), 1);
  });

  it('ignores what its thread posts after it has died', TIME, async (t) => {
    const { session, worker } = await openWithWorker(t);
    const pending = [
      assert.rejects(session.readTensor('moment1', 'score.weight'), assertDied),
      assert.rejects(session.infer(BATCH), assertDied),
    ];
    const unrefs = t.mock.method(worker, 'unref');
    // The event of an error may overtake the answers that were posted before it.
    worker.emit('error', new Error('boom'));
    worker.emit('message', { id: 99, value: new Float32Array(1) });
    await Promise.all(pending);
    await assert.rejects(session.infer(BATCH), refusal(ThreadDeath, 'cpu-thread-died', { reason: 'boom' }));
    assert.equal(unrefs.mock.callCount(), 0);
    await session.close();
    await assert.rejects(session.infer(BATCH), refusal(ThreadDeath, 'cpu-thread-died', { reason: 'boom' }));
  });

  it('is closed, not dead, if the exit of its thread overtakes the answer to close', TIME, async (t) => {
    const { session, worker } = await openWithWorker(t);
    const closing = session.close();
    worker.emit('exit', 0);
    await closing;
    await assert.rejects(session.infer(BATCH), refusal(TrainingError, 'session-closed'));
  });

  it('closes its thread once, however often it is closed', TIME, async (t) => {
    const { session, worker } = await openWithWorker(t);
    const posted = t.mock.method(worker, 'postMessage');
    await Promise.all([session.close(), session.close()]);
    await session.close();
    assert.equal(posted.mock.callCount(), 1);
  });
});

describe('warmUp(onnxEngine)', () => {
  const infers = async (session: EngineSession): Promise<void> =>
    assert.ok((await session.infer(BATCH)).every(Number.isFinite));

  it('gives its thread to the session that is opened next, and to no other', TIME, async (t) => {
    const threads = startedThreads(t);
    const engine = warmUp(onnxEngine);
    t.after(() => engine.close());
    for (let session = 1; session <= 2; session++) {
      await withSession(engine, CONFIG, { ...OPTIONS, first: 'prediction' }, infers);
      assert.equal(threads.length, session);
    }
  });

  it('replaces a thread that has died before a session took it', TIME, async (t) => {
    const threads = startedThreads(t);
    const engine = warmUp(onnxEngine);
    t.after(() => engine.close());
    await new Promise((resolve) => setImmediate(resolve));
    // It posts a message when it has loaded; until then it keeps the process alive.
    await once(threads[0], 'message');
    // Terminated in native code it would take the process along, so it is asked to end.
    threads[0].postMessage({ id: 99, request: { call: 'close' } });
    threads[0].ref();
    await once(threads[0], 'exit');
    await withSession(engine, CONFIG, OPTIONS, infers);
    assert.equal(threads.length, 2);
  });

  it('ends a thread that no session took when it is closed, after it has loaded', TIME, async (t) => {
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
  });
});
