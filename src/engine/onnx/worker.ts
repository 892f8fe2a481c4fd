/** The worker thread of the ONNX engine: one core, one request after the other. */
import { parentPort } from 'node:worker_threads';
import { OnnxCore } from './core.js';
import type { Answer, Answers, Numbered, Opening, Request } from './protocol.js';

const port = parentPort;
if (!port) throw new Error('this module runs as a worker thread');
let queue: Promise<void> = Promise.resolve();

async function handle(core: OnnxCore, request: Request): Promise<Answers[keyof Answers]> {
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
    case 'close':
      return core.close().then(() => undefined);
  }
}

async function answer(core: OnnxCore, { id, request }: Numbered): Promise<void> {
  let message: Answer;
  try {
    message = { id, value: await handle(core, request) };
  } catch (error) {
    const { message: text, stack } = error instanceof Error ? error : new Error(String(error));
    message = { id, error: { message: text, stack } };
  }
  port!.postMessage(message, message.value instanceof Float32Array ? [message.value.buffer as ArrayBuffer] : []);
  if (request.call === 'close') port!.close();
}

port.once('message', ({ open, first }: Opening) => {
  const core = new OnnxCore(open);
  // What cannot be made ready now is made, or refused, when it is asked for.
  if (first) queue = core.prepare(first).catch(() => undefined);
  port.on('message', (numbered: Numbered) => {
    queue = queue.then(() => answer(core, numbered));
  });
});
