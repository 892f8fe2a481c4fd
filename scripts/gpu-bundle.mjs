// Makes attune-gpu-bench-PLATFORM.tar.xz: bench/gpu.ts with Node itself and Dawn, to be carried to a machine
// with a GPU and nothing else. `npm run bench:gpu-bundle`.
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  chmodSync,
  createReadStream,
  createWriteStream,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { constants, createBrotliCompress } from 'node:zlib';

const MOST_MIB = 60;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const name = `attune-gpu-bench-${process.platform}-${process.arch}`;
const work = mkdtempSync(join(tmpdir(), 'attune-bundle-'));
const at = (...parts) => join(work, name, ...parts);

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options });
  return result.error === undefined && result.status === 0;
}

try {
  mkdirSync(at('app', 'bench'), { recursive: true });
  // `import.meta.url` of the one file stands where that of dist/model/embedded.js would: the models lie two
  // folders above it.
  await build({
    entryPoints: [join(root, 'bench', 'gpu.ts')],
    outfile: at('app', 'bench', 'gpu.js'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: ['webgpu', 'onnxruntime-node'],
    // Packages in CommonJS ask for Node's modules by `require`.
    banner: {
      js: [
        "import { createRequire as attuneRequire } from 'node:module';",
        'const require = attuneRequire(import.meta.url);',
      ].join(' '),
    },
    logLevel: 'warning',
  });
  copyFileSync(join(root, 'bench', 'gpu_torch.py'), at('app', 'bench', 'gpu_torch.py'));
  copyFileSync(join(root, 'LICENSE'), at('LICENSE'));
  writeFileSync(at('package.json'), '{ "type": "module", "private": true }\n');
  cpSync(join(root, 'models'), at('models'), { recursive: true });

  const dawn = `${process.platform}-${process.platform === 'darwin' ? 'universal' : process.arch}`;
  const webgpu = (...parts) => join(root, 'node_modules', 'webgpu', ...parts);
  for (const file of ['package.json', 'index.js', 'LICENSE.md'])
    cpSync(webgpu(file), at('node_modules', 'webgpu', file));
  cpSync(webgpu('dist', dawn), at('node_modules', 'webgpu', 'dist', dawn), { recursive: true });

  const node = process.platform === 'win32' ? 'node.exe' : 'node';
  copyFileSync(process.execPath, at(node));
  chmodSync(at(node), 0o755);
  // Symbols alone are lost; where it cannot be stripped it is merely larger. A macOS binary would lose its
  // signature.
  if (process.platform === 'linux') run('strip', ['--strip-all', at(node)], { stdio: 'ignore' });
  if (process.platform === 'win32')
    writeFileSync(at('run.cmd'), '@"%~dp0node.exe" "%~dp0app\\bench\\gpu.js" %*\r\n');
  else {
    writeFileSync(
      at('run.sh'),
      [
        '#!/bin/sh',
        '# Options: the head of bench/gpu.ts; --quick tries it out.',
        'here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)',
        'exec "$here/node" "$here/app/bench/gpu.js" "$@"',
        '',
      ].join('\n'),
    );
    chmodSync(at('run.sh'), 0o755);
  }

  let target = join(root, `${name}.tar.xz`);
  const tar = join(work, `${name}.tar`);
  if (!run('tar', ['-cf', tar, '-C', work, name])) throw new Error('tar failed');
  if (run('xz', ['-9', '--threads=0', '--keep', '--force', tar])) copyFileSync(`${tar}.xz`, target);
  else {
    target = join(root, `${name}.tar.br`);
    await pipeline(
      createReadStream(tar),
      createBrotliCompress({
        params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 },
      }),
      createWriteStream(target),
    );
  }
  const mib = statSync(target).size / 2 ** 20;
  const { version } = JSON.parse(readFileSync(webgpu('package.json'), 'utf8'));
  console.log(`${target}: ${mib.toFixed(1)} MiB (Node ${process.versions.node}, webgpu ${version})`);
  if (mib > MOST_MIB) {
    console.error(`That is more than ${MOST_MIB} MiB.`);
    process.exitCode = 1;
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
