// Runs an npm script under each version of Node that attune supports, but for the one this runs under: `node
// scripts/node-versions.mjs test`. The versions come from the npm registry as packages that hold nothing but
// Node's binary (the package `node` would need an install script); they are kept under node_modules.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The newest of each line that is supported. */
const VERSIONS = ['20.20.2', '22.23.3', '24.21.0'];

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const script = process.argv[2];
if (script === undefined) {
  console.error('Which npm script? For example: node scripts/node-versions.mjs test');
  process.exit(2);
}

const majorOf = (version) => version.split('.')[0];

function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit', ...options });
  if (error) console.error(error.message);
  return status ?? 1;
}

/** The folder of the binary, installed where it is not there yet. */
function binaryOf(version) {
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const folder = join(root, 'node_modules', '.attune-nodes', version);
  const bin = join(folder, 'node_modules', name, 'bin');
  if (existsSync(bin)) return bin;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const flags = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
  if (run('npm', ['install', ...flags, `${name}@${version}`], { cwd: folder }) === 0 && existsSync(bin))
    return bin;
  console.error(`Node ${version} for ${process.platform} ${process.arch} could not be installed.`);
  process.exit(1);
}

for (const version of VERSIONS) {
  if (majorOf(version) === majorOf(process.versions.node)) continue;
  const bin = binaryOf(version);
  console.error(`\n== npm run ${script}, Node ${version}`);
  const status = run('npm', ['run', script], {
    cwd: root,
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` },
  });
  if (status !== 0) process.exit(status);
}
