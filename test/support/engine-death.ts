/** An engine's thread that dies in the middle of a command, through the real command line. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { writeByteModel } from './byte-model.js';
import { attune, writeData } from './cli.js';

const TRAIN = ['train', '--model', 'model', '--dataset', 'data', '--output-dir', 'run', '--overwrite-output-dir', '--max-steps', '1000000', '--save-steps', '1000000', '--threads', '1', '--logging-steps', '1000'];

/** Trains with an engine's thread in which `death` runs, and checks that the command ends with a clear error and leaves nothing. */
export async function dyingThread(death: string): Promise<void> {
  const cwd = mkdtempSync(join(tmpdir(), 'attune-death-'));
  try {
    await writeByteModel(join(cwd, 'model'));
    writeData(join(cwd, 'data'));
    // Node runs it at the start of every thread; V8's limit for a thread's own heap is set by its parent's.
    const file = join(cwd, 'death.mjs');
    writeFileSync(file, `import { isMainThread } from 'node:worker_threads';\nif (!isMainThread) { ${death} }\n`);
    const { code, stderr } = await attune(TRAIN, { cwd, env: { NODE_OPTIONS: `--import=${pathToFileURL(file).href} --max-old-space-size=300` } });
    assert.equal(code, 1, stderr);
    assert.match(stderr, /^error: the CPU engine's thread (died|ended)/m);
    assert.doesNotMatch(stderr, /defect of attune/);
    // A thread that dies early dies before the folder is made.
    assert.ok(!existsSync(join(cwd, 'run')) || !readdirSync(join(cwd, 'run')).some((name) => name.includes('lock') || name.includes('partial')));
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}
