/**
 * The worker thread of the ONNX engine: one core, one request after the other. Messages are heard once this
 * module has been loaded, ONNX Runtime with it: a thread that is to close ends after that, never in the
 * middle.
 */
import { parentPort } from 'node:worker_threads';
import { AttuneError } from '../../errors/attune-error.js';
import { pick } from '../../pick.js';
import { OnnxCore } from './core.js';
import type { Answer, Answers, Failure, Numbered, Opening, Request } from './protocol.js';

const port = parentPort;
if (!port) throw new Error('this module runs as a worker thread');
let core: OnnxCore | undefined;
let queue: Promise<void> = Promise.resolve();

async function handle(request: Request): Promise<Answers[keyof Answers]> {
  // A thread that no session took has nothing else to do.
  if (request.call === 'close') return core?.close().then(() => undefined);
  if (request.call === 'loaded') return undefined;
  if (!core) throw new Error('no model is open');
  switch (request.call) {
    case 'infer':
      // A copy: ONNX Runtime owns what its outputs lie in.
      return (await core.infer(request.batch)).slice();
    case 'evaluate':
      return core.evaluate(request.graph, request.lowered, request.batch);
    case 'step':
      return core.step(request.request);
    case 'read':
      return core.read(request.kind, request.name);
    case 'write':
      return void core.write(request.kind, request.name, request.values, request.offset);
  }
}

function failureOf(error: unknown): Failure {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const described = error instanceof AttuneError ? pick(error, ['code', 'facts']) : undefined;
  return { message, stack, described };
}

async function answer({ id, request }: Numbered): Promise<void> {
  let message: Answer;
  try {
    message = { id, value: await handle(request) };
  } catch (error) {
    message = { id, error: failureOf(error) };
  }
  port!.postMessage(
    message,
    message.value instanceof Float32Array ? [message.value.buffer as ArrayBuffer] : [],
  );
  if (request.call === 'close') port!.close();
}

port.on('message', (message: Opening | Numbered) => {
  if (!('open' in message)) {
    queue = queue.then(() => answer(message));
    return;
  }
  const opened = new OnnxCore(message.open);
  core = opened;
  // What cannot be made ready now is made, or refused, when it is asked for.
  if (message.first) queue = opened.prepare(message.first).catch(() => undefined);
});
