// Runs the tests on Node's own runner. `node scripts/test.mjs` runs the fast ones, `--slow` the long ones, `--unit`
// those of the fast ones that need no build; further arguments pick files by a part of their path.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileFolder } from './compile.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const kind = ['slow', 'unit'].find((each) => process.argv.includes(`--${each}`)) ?? 'fast';
const [slow, unit] = [kind === 'slow', kind === 'unit'];
/** Tests that start the command line, a server, or the bundle for the browser. */
const NEEDS_BUILD =
  /^test.(?:cli.(?:e2e|bundle)|serve|browser.module\.|engine.onnx.death|security|train.reproduce)/;
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));

const files = readdirSync(join(root, 'test'), { recursive: true })
  .map((file) => join('test', file))
  .filter((file) => file.endsWith('.test.ts') && file.endsWith('.slow.test.ts') === slow)
  .filter((file) => !unit || !NEEDS_BUILD.test(file))
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .map((file) => relative('.', file))
  .sort();
if (files.length === 0) {
  console.error(`No ${kind} test file matches ${wanted.join(' ')}.`);
  process.exit(1);
}

// The long tests run one at a time, because each uses every core; of the fast ones many wait for child
// processes to start.
const concurrency = slow ? 1 : 3;

// Debian's chromium brings SwiftShader, a Vulkan in software: it computes what a GPU computes, slowly. The
// loader reads these when the process starts.
const chromium = '/usr/lib/chromium';
const icd = join(chromium, 'vk_swiftshader_icd.json');
const vulkan =
  process.env.VK_ICD_FILENAMES === undefined && existsSync(icd)
    ? {
        VK_ICD_FILENAMES: icd,
        LD_LIBRARY_PATH: [chromium, process.env.LD_LIBRARY_PATH].filter(Boolean).join(':'),
      }
    : {};

// The slow ones run as they are: some start TypeScript in processes of their own, and a compiler more or less
// does not count there.
const compiled = slow ? undefined : 'test-build';
if (compiled) await compileFolder(join(root, 'test'), join(root, compiled));
const toRun =
  compiled === undefined
    ? ['--import', 'tsx', ...files]
    : [
        '--enable-source-maps',
        ...(unit ? ['--conditions=attune-unit'] : []),
        ...files.map((file) => join(compiled, relative('test', file)).replace(/\.ts$/, '.js')),
      ];
const options = toRun.filter((word) => !/\.test\.[jt]s$/.test(word));

// What the tests are not about and must not depend on: settings of the Hub, colours asked for, a width, a
// proxy between them and their own servers.
const env = { ...process.env, ...vulkan };
for (const name of Object.keys(env))
  if (/^(HF_|HUGGING_?FACE_|TRANSFORMERS_OFFLINE$|FORCE_COLOR$|COLUMNS$)/.test(name)) delete env[name];
const unproxied = ['127.0.0.1', 'localhost', env.no_proxy ?? env.NO_PROXY].filter(Boolean).join(',');

const result = spawnSync(
  process.execPath,
  [
    ...options,
    '--test',
    `--test-concurrency=${concurrency}`,
    '--test-reporter=spec',
    ...toRun.slice(options.length),
  ],
  {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...env, no_proxy: unproxied, NO_PROXY: unproxied },
  },
);
process.exit(result.status ?? 1);
