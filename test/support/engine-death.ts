/** Makes the thread of the CPU engine die in the middle of a command, through the real command line. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { writeByteModel } from './byte-model.js';
import { attune, writeData } from './cli.js';
import { printed } from './refusal.js';

const TRAIN = (
  'train --model model --dataset data --threads 1 --output-dir run --overwrite-output-dir ' +
  '--max-steps 1000000 --save-steps 1000000 --logging-steps 1000'
).split(' ');

/**
 * Code that ends a thread. Numbers fill the memory faster than objects, which the garbage collector would trace
 * again and again.
 */
export const THREAD_DEATHS = {
  throws: 'throw new Error("boom")',
  rejects: 'void Promise.reject(new Error("boom"))',
  exits: 'process.exit(7)',
  'runs out of memory': 'const hoard = []; for (;;) hoard.push(new Array(1e6).fill(0.5))',
} as const;

export type ThreadDeath = keyof typeof THREAD_DEATHS;

/** What the command line prints of each death; of the last one, how that begins. */
export const DEATH_REPORTS: Readonly<Record<ThreadDeath, string>> = {
  throws: printed('cpu-thread-died', { reason: 'boom' }),
  rejects: printed('cpu-thread-died', { reason: 'boom' }),
  exits: printed('cpu-thread-ended', { exitCode: 7 }),
  'runs out of memory': printed('cpu-thread-died', {
    reason: 'Worker terminated due to reaching memory limit: ',
  }),
};

/** `ms` milliseconds (0: at once) after a thread has posted `messages` messages (0: after its start). */
export interface DeathMoment {
  readonly messages: number;
  readonly ms: number;
}

/** An environment in which every thread of the CPU engine, and no other, dies at a moment. */
export function deadlyEnvironment(
  death: ThreadDeath,
  { messages, ms }: DeathMoment,
): Readonly<Record<string, string>> {
  // The timer does not keep a thread alive that has nothing else to do.
  const die = `() => { ${THREAD_DEATHS[death]}; }`;
  const then = ms === 0 ? `queueMicrotask(${die});` : `setTimeout(${die}, ${ms}).unref();`;
  const counting = `
    const { postMessage } = MessagePort.prototype;
    let left = ${messages};
    MessagePort.prototype.postMessage = function (...message) {
      postMessage.apply(this, message);
      left -= 1;
      if (left === 0) ${then}
    };`;
  // The argument of a worker thread is its own file; the workers of the baselines have others.
  const code = `if (/engine.onnx.worker\\.js$/.test(process.argv[1])) { ${messages === 0 ? then : counting} }`;
  // V8's limit for a thread's own heap is set by its parent's.
  const limit = death === 'runs out of memory' ? ' --max-old-space-size=300' : '';
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}${limit}` };
}

/**
 * Trains with an engine's thread that dies 300 milliseconds after its start, and checks that the command ends with
 * exit status 1 and an error that says so, and leaves neither lock nor partial file.
 *
 * @param code what ends the thread
 */
export async function trainWithDyingThread(
  death: ThreadDeath,
  code: string = THREAD_DEATHS[death],
): Promise<void> {
  const cwd = mkdtempSync(join(tmpdir(), 'attune-death-'));
  try {
    await writeByteModel(join(cwd, 'model'));
    writeData(join(cwd, 'data'));
    // Node runs it at the start of every thread; V8's limit for a thread's own heap is set by its parent's.
    const file = join(cwd, 'death.mjs');
    writeFileSync(
      file,
      `import { isMainThread } from 'node:worker_threads';\nif (!isMainThread) setTimeout(() => { ${code}; }, 300);\n`,
    );
    const { code: status, stderr } = await attune(TRAIN, {
      cwd,
      env: { NODE_OPTIONS: `--import=${pathToFileURL(file).href} --max-old-space-size=300` },
    });
    assert.equal(status, 1, stderr);
    assert.ok(stderr.includes(`error: ${DEATH_REPORTS[death]}`), stderr);
    assert.doesNotMatch(stderr, /defect of attune/);
    // A thread that dies early dies before the folder is made.
    assert.ok(
      !existsSync(join(cwd, 'run')) ||
        !readdirSync(join(cwd, 'run')).some((name) => name.includes('lock') || name.includes('partial')),
    );
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}
