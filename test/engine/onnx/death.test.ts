/** An engine's thread that dies in the middle of a command: a clear error and exit status 1, with nothing left waiting. Through the real command line. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { writeByteModel } from '../../support/byte-model.js';
import { attune, writeData } from '../../support/cli.js';
import type { CliResult } from '../../support/cli.js';

let cwd = '';
before(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'attune-death-'));
  await writeByteModel(join(cwd, 'model'));
  writeData(join(cwd, 'data'));
});
after(() => rmSync(cwd, { recursive: true, force: true }));

/** What happens in the thread, some milliseconds after it began to work. */
const DEATHS = {
  'throws outside of any request': 'setTimeout(() => { throw new Error("boom"); }, 300);',
  'rejects what nobody awaits': 'setTimeout(() => void Promise.reject(new Error("boom")), 300);',
  'exits': 'setTimeout(() => process.exit(7), 300);',
  'runs out of memory': 'setTimeout(() => { const hoard = []; for (;;) hoard.push(new Array(1e5).fill({})); }, 300);',
};

const TRAIN = ['train', '--model', 'model', '--dataset', 'data', '--output-dir', 'run', '--overwrite-output-dir', '--max-steps', '1000000', '--save-steps', '1000000', '--threads', '1', '--logging-steps', '1000'];

function withDeath(death: string): Promise<CliResult> {
  // Node runs it at the start of every thread; V8's limit for a thread's own heap is set by its parent's.
  const file = join(cwd, 'death.mjs');
  writeFileSync(file, `import { isMainThread } from 'node:worker_threads';\nif (!isMainThread) { ${death} }\n`);
  return attune(TRAIN, { cwd, env: { NODE_OPTIONS: `--import=${pathToFileURL(file).href} --max-old-space-size=300` } });
}

for (const [what, death] of Object.entries(DEATHS)) {
  test(`the engine's thread ${what} while it trains`, { timeout: 120_000 }, async () => {
    const { code, stderr } = await withDeath(death);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /^error: the CPU engine's thread (died|ended)/m);
    assert.doesNotMatch(stderr, /defect of attune/);
    // A thread that dies early dies before the folder is made.
    assert.ok(!existsSync(join(cwd, 'run')) || !readdirSync(join(cwd, 'run')).some((name) => name.includes('lock') || name.includes('partial')));
  });
}
