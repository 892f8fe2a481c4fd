// Makes a checkout ready to run: installs what is missing, builds what is stale. With `--unit` it only compiles what
// unit tests need, unit-build/, which takes a second: no check of types, no bundles. Plain JavaScript on Node's
// own modules, because it runs before anything is installed. Prints to stderr only what it does.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const at = (...parts) => join(root, ...parts);
const force = process.argv.includes('--force');

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `attune needs Node.js 20.19 or newer; this is ${process.versions.node}. See https://nodejs.org.`,
  );
  process.exit(1);
}

function run(what, command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], ...options });
  if (result.status !== 0) {
    console.error(
      `${what} failed${result.error ? `: ${result.error.message}` : ` (exit ${result.status ?? result.signal})`}.`,
    );
    process.exit(1);
  }
}

/** Hash of the contents of files, with their names, so that a touched but unchanged file does not rebuild. */
function hashOf(files) {
  const hash = createHash('sha256');
  for (const file of files)
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(at(file)))
      .update('\0');
  return hash.digest('hex');
}

function filesUnder(folder) {
  return readdirSync(at(folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(root.length + 1))
    .sort();
}

const stampIs = (stamp, value) => existsSync(stamp) && readFileSync(stamp, 'utf8') === value;

function install() {
  const stamp = at('node_modules', '.attune-lock');
  const lock = hashOf(['package-lock.json', 'package.json']);
  if (stampIs(stamp, lock)) return;
  console.error('Installing dependencies (npm ci) …');
  const npm = process.env.npm_execpath;
  if (npm) run('npm ci', process.execPath, [npm, 'ci', '--include=dev', '--no-progress', '--loglevel=error']);
  else
    run('npm ci', process.platform === 'win32' ? 'npm.cmd' : 'npm', [
      'ci',
      '--include=dev',
      '--no-progress',
      '--loglevel=error',
    ]);
  writeFileSync(stamp, lock);
}

/** Compiles the AssemblyScript modules into a folder that stands beside src/. */
function buildWasm(folder) {
  const modules = filesUnder('src').filter((file) => file.endsWith('.assembly.ts'));
  const target = (source) => at(source.replace(/^src/, folder).replace(/\.assembly\.ts$/, '.wasm'));
  // What was compiled before from the same source by the same compiler is kept: the compiler alone takes
  // seconds to start.
  const kept = (source) =>
    at(
      'node_modules',
      '.attune-wasm',
      `${hashOf([source, 'package-lock.json', 'scripts/build-wasm.mjs'])}.wasm`,
    );
  const stale = modules.filter((source) => !existsSync(kept(source)));
  if (stale.length > 0)
    run('The WebAssembly build', process.execPath, [
      at('scripts', 'build-wasm.mjs'),
      ...stale.flatMap((source) => [source, kept(source)]),
    ]);
  for (const source of modules) {
    mkdirSync(dirname(target(source)), { recursive: true });
    copyFileSync(kept(source), target(source));
  }
}

function build() {
  const stamp = at('dist', '.attune-build');
  const sources = hashOf([
    ...filesUnder('src'),
    'tsconfig.json',
    'package-lock.json',
    'package.json',
    'scripts/prepare.mjs',
    'scripts/build-wasm.mjs',
    'scripts/build-browser.mjs',
    'scripts/build-cli.mjs',
    'scripts/module-name.mjs',
    'scripts/notices.mjs',
  ]);
  if (!force && stampIs(stamp, sources)) return;
  console.error('Building …');
  rmSync(at('dist'), { recursive: true, force: true });
  run('The TypeScript build', process.execPath, [
    at('node_modules', 'typescript', 'bin', 'tsc'),
    '-p',
    'tsconfig.json',
  ]);
  buildWasm('dist');
  run('The build for the browser', process.execPath, [at('scripts', 'build-browser.mjs')]);
  run('The build of the command line', process.execPath, [at('scripts', 'build-cli.mjs')]);
  writeFileSync(stamp, sources);
}

async function buildForUnitTests() {
  const { compileFolder } = await import('./compile.mjs');
  await compileFolder(at('src'), at('unit-build'));
  buildWasm('unit-build');
}

install();
if (process.argv.includes('--unit')) await buildForUnitTests();
else build();
