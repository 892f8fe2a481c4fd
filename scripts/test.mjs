// Runs the tests on Node's own runner. `node scripts/test.mjs` runs the fast ones, `--slow` the long ones;
// further arguments pick files by a part of their path.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const slow = process.argv.includes('--slow');
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));

const files = readdirSync(join(root, 'test'), { recursive: true })
  .map((file) => join('test', file))
  .filter((file) => file.endsWith('.test.ts') && file.endsWith('.slow.test.ts') === slow)
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .map((file) => relative('.', file))
  .sort();
if (files.length === 0) {
  console.error(`No ${slow ? 'slow ' : ''}test file matches ${wanted.join(' ')}.`);
  process.exit(1);
}

// The long tests run one at a time, because each uses every core.
const concurrency = slow ? 1 : 2;
const result = spawnSync(
  process.execPath,
  ['--import', 'tsx', '--test', `--test-concurrency=${concurrency}`, '--test-reporter=spec', ...files],
  { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] },
);
process.exit(result.status ?? 1);
