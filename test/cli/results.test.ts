import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import { FileOutput, ResultWriter } from '#attune/cli/results.js';
import { AttuneError } from '#attune/errors/attune-error.js';
import { refusal } from '../support/refusal.js';

/** A stream that keeps what it gets; a slow one accepts more only after `release`. */
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

/** A stream on which every write fails. */
class Broken extends Writable {
  constructor(readonly code: string) {
    super();
  }

  override _write(_chunk: Buffer, _encoding: BufferEncoding, done: (error: Error) => void): void {
    done(Object.assign(new Error(`${this.code}: it broke`), { code: this.code }));
  }
}

const refusedFull = refusal(AttuneError, 'results-unwritable', { reason: 'ENOSPC: it broke' });

describe('ResultWriter', () => {
  it('writes each record as one line of JSON with its type first', async () => {
    const sink = new Sink();
    const results = new ResultWriter(sink);
    results.record('train', { loss: 0.5, text: 'a\nb', auc: NaN });
    results.record('done', { type: 'x' });
    results.line('a line');
    await results.flush();
    assert.equal(
      sink.text,
      '{"type":"train","loss":0.5,"text":"a\\nb","auc":null}\n{"type":"done"}\na line\n',
    );
  });

  it('escapes control characters on a terminal, and writes them unchanged elsewhere', async () => {
    for (const isTerminal of [true, false]) {
      const sink = new Sink();
      const results = new ResultWriter(sink, isTerminal);
      results.record('prediction', { text: '\u001b[2J\u009b31m\u202e' });
      results.line('path\u001b[2J');
      await results.flush();
      const [json, line] = sink.text.split('\n');
      assert.deepEqual(JSON.parse(json), { type: 'prediction', text: '\u001b[2J\u009b31m\u202e' });
      assert.equal(/[\p{Cc}\u202e]/u.test(json), !isTerminal);
      assert.equal(line, isTerminal ? 'path\\u001b[2J' : 'path\u001b[2J');
    }
  });

  it('ignores further output without an error after the reader has closed the pipe', async () => {
    const results = new ResultWriter(new Broken('EPIPE'));
    results.record('train', { loss: 1 });
    await results.flush();
    assert.equal(results.open, false);
    assert.equal(results.record('train', { loss: 1 }), true);
    await results.drain();
    await results.flush();
  });

  it('rejects in flush if a write has failed for any other reason', async () => {
    const results = new ResultWriter(new Broken('ENOSPC'));
    results.record('train');
    await assert.rejects(results.flush(), refusedFull);
    assert.equal(results.open, false);
    // Writing further does not throw.
    assert.equal(results.line('more'), true);
    await results.drain();
    await assert.rejects(results.flush(), refusedFull);
  });

  it('waits in drain for a slow reader', async () => {
    const sink = new Sink(true);
    const results = new ResultWriter(sink);
    assert.equal(results.line('longer than the buffer'), false);
    let drained = false;
    const drain = results.drain().then(() => {
      drained = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(drained, false);
    sink.release();
    await drain;
  });

  it('stops waiting in drain if the reader closes the pipe', async () => {
    const sink = new Sink(true);
    const results = new ResultWriter(sink);
    results.line('longer than the buffer');
    const waiting = results.drain();
    sink.emit('error', Object.assign(new Error('EPIPE'), { code: 'EPIPE' }));
    await waiting;
  });

  it('waits in flush for what a slow reader has not read yet', async () => {
    const sink = new Sink(true);
    const results = new ResultWriter(sink);
    results.line('one');
    let flushed = false;
    const flush = results.flush().then(() => {
      flushed = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(flushed, false);
    sink.release();
    sink.release();
    await flush;
  });
});

describe('FileOutput', () => {
  it('writes everything to the file, in order', async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'attune-results-'));
    t.after(() => rmSync(dir, { recursive: true, force: true }));
    const descriptor = openSync(join(dir, 'out'), 'w');
    const results = new ResultWriter(new FileOutput(descriptor));
    const lines = Array.from({ length: 5000 }, (_, i) => `line ${i} äöü`);
    for (const line of lines) results.line(line);
    await results.flush();
    closeSync(descriptor);
    assert.equal(readFileSync(join(dir, 'out'), 'utf8'), `${lines.join('\n')}\n`);
  });
});

describe('standardResults', () => {
  it(
    'lets a process finish whose reader closes the pipe',
    { skip: process.platform === 'win32' && 'needs a POSIX shell' },
    () => {
      const url = import.meta.resolve('#attune/cli/results.js');
      const program = `import { standardResults } from ${JSON.stringify(url)};
    const results = standardResults();
    for (let i = 0; i < 20000; i++) {
      results.record('n', { i });
      if (i % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await results.flush();
    console.error('end', results.open);`;
      const result = spawnSync(
        'sh',
        ['-c', '"$0" --input-type=module -e "$1" | head -n 1', process.execPath, program],
        { encoding: 'utf8' },
      );
      assert.equal(result.stdout, '{"type":"n","i":0}\n');
      assert.equal(result.stderr, 'end false\n');
    },
  );
});
