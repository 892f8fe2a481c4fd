import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { JsonWriter } from '#attune/cli/json.js';

class Sink extends Writable {
  text = '';
  #pending: (() => void)[] = [];

  constructor(readonly slow = false) {
    super({ decodeStrings: false, highWaterMark: 20 });
  }

  override _write(chunk: string, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk;
    if (this.slow) this.#pending.push(done);
    else done();
  }

  release(): void {
    this.#pending.shift()?.();
  }
}

const failing = (stream: Writable, code: string): void => {
  stream.emit('error', Object.assign(new Error(code), { code }));
};

test('each record is one line of JSON with its type first', () => {
  const sink = new Sink();
  const json = new JsonWriter(sink);
  json.write('train', { loss: 0.5, text: 'a\nb', auc: NaN });
  json.write('done', { type: 'x' });
  assert.equal(sink.text, '{"type":"train","loss":0.5,"text":"a\\nb","auc":null}\n{"type":"done"}\n');
});

test('a closed pipe ends the output quietly', async () => {
  const sink = new Sink();
  const json = new JsonWriter(sink);
  failing(sink, 'EPIPE');
  assert.equal(json.open, false);
  assert.equal(json.write('train', { loss: 1 }), true);
  assert.equal(sink.text, '');
  await json.flush();
});

test('any other failure of the stream is thrown to whoever writes next', async () => {
  const sink = new Sink();
  const json = new JsonWriter(sink);
  failing(sink, 'ENOSPC');
  assert.throws(() => json.write('train'), /ENOSPC/);
  await assert.rejects(json.flush(), /ENOSPC/);
});

test('a slow reader is waited for, a lost one is not', async () => {
  const sink = new Sink(true);
  const json = new JsonWriter(sink);
  assert.equal(json.write('train', { text: 'longer than the buffer' }), false);
  let flushed = false;
  const flush = json.flush().then(() => (flushed = true));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(flushed, false);
  sink.release();
  await flush;

  const lost = new Sink(true);
  const writer = new JsonWriter(lost);
  writer.write('train', { text: 'longer than the buffer' });
  const waiting = writer.flush();
  failing(lost, 'EPIPE');
  await waiting;
});

test('a process whose reader goes away goes on to its end', { skip: process.platform === 'win32' && 'needs a POSIX shell' }, () => {
  const url = import.meta.resolve('#attune/cli/json.js');
  const program = `import { JsonWriter } from ${JSON.stringify(url)};
    const json = new JsonWriter();
    for (let i = 0; i < 20000; i++) { json.write('n', { i }); if (i % 1000 === 0) await new Promise((resolve) => setImmediate(resolve)); }
    console.error('end', json.open);`;
  const result = spawnSync('sh', ['-c', '"$0" --input-type=module -e "$1" | head -n 1', process.execPath, program], { encoding: 'utf8' });
  assert.equal(result.stdout, '{"type":"n","i":0}\n');
  assert.equal(result.stderr, 'end false\n');
});
