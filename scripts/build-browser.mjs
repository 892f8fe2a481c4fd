// Bundles attune for the browser out of the compiled dist/: the module `attune/browser`
// (dist/browser/attune.js) and the page of `attune serve --demo` (dist/serve/page). Modules that need Node
// are replaced; see src/browser.
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { moduleName } from './module-name.mjs';
import { notices } from './notices.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const at = (...parts) => join(root, ...parts);
const browser = (name) => at('dist', 'browser', name);

/** Modules of dist/ whose exports src/browser has others for. */
const INSTEAD = {
  'version.js': 'instead.js',
  'engine/version.js': 'instead.js',
  'engine/device.js': 'instead.js',
  'engine/webgpu/dawn.js': 'instead.js',
  'text/token-cache.js': 'instead.js',
  'train/run-lock.js': 'instead.js',
  'train/earlier-folders.js': 'instead.js',
  'hub/repository.js': 'left-out.js',
  'data/parquet/reader.js': 'left-out.js',
  'data/sample.js': 'left-out.js',
  'data/card.js': 'left-out.js',
  'baselines/text-model.js': 'left-out.js',
  'model/torch-archive.js': 'left-out.js',
};
/** Parts of the catalogue of errors, none of which can happen there. */
const WITHOUT_ERRORS = ['baselines', 'saved-estimator', 'word2vec', 'compare', 'command-line'];
for (const part of WITHOUT_ERRORS) INSTEAD[`errors/codes/${part}-errors.js`] = 'errors-left-out.js';
/** Modules of Node. */
const NODE = {
  fs: 'fs.js',
  'fs/promises': 'fs-promises.js',
  path: 'path.js',
  'path/posix': 'path.js',
  crypto: 'crypto.js',
  os: 'os.js',
  zlib: 'zlib.js',
  process: 'process.js',
};
const LIBRARIES = { stream: 'readable-stream', 'process/': browser('node/process.js') };

const withoutCounterpart = ({ path, importer, resolveDir }) => {
  const module = `${relative(root, importer)} (in ${relative(root, resolveDir)})`;
  return `${path} has no counterpart in the browser, and ${module} needs it`;
};

/**
 * What every module of attune may be replaced by; what is left of Node is an error, not a shim that fails
 * when it is called.
 */
const replacements = {
  name: 'attune-browser',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^(?:node:)?[a-z_]+(?:\/[a-z]*)?$/ }, ({ path, importer, kind, resolveDir }) => {
      const name = path.replace(/^node:/, '');
      // The shim of node:buffer is built on the package of that name.
      if (name === 'buffer')
        return path.startsWith('node:') ? { path: browser('node/buffer.js') } : undefined;
      if (name in NODE) return { path: browser(join('node', NODE[name])) };
      if (name in LIBRARIES)
        return isAbsolute(LIBRARIES[name])
          ? { path: LIBRARIES[name] }
          : resolve(LIBRARIES[name], { resolveDir: root, importer, kind });
      if (path.startsWith('node:'))
        return { errors: [{ text: withoutCounterpart({ path, importer, resolveDir }) }] };
      return undefined;
    });
    onResolve({ filter: /^\.\.?\// }, ({ path, resolveDir }) => {
      const instead = INSTEAD[moduleName(at('dist'), resolveDir, path)];
      return instead && { path: browser(instead) };
    });
  },
};

const options = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  platform: 'browser',
  target: ['es2022'],
  minify: true,
  keepNames: true,
  legalComments: 'none',
  charset: 'utf8',
  metafile: true,
  logLevel: 'warning',
};

const { version } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
const module = await build({
  ...options,
  entryPoints: [browser('index.js')],
  outfile: browser('attune.js'),
  plugins: [replacements],
  inject: [browser('node/globals.js')],
  define: { ATTUNE_VERSION: JSON.stringify(version), global: 'globalThis' },
});

await requireWording(Object.keys(module.metafile.inputs).filter((input) => input.startsWith('dist/')));

/** An error without its sentence could not even be thrown. */
async function requireWording(modules) {
  for (const part of WITHOUT_ERRORS) {
    const [codes] = Object.values(
      await import(pathToFileURL(at('dist', `errors/codes/${part}-errors.js`)).href),
    );
    for (const module of modules) {
      const text = readFileSync(at(module), 'utf8');
      const code = Object.keys(codes).find((each) => text.includes(`'${each}'`));
      if (code)
        throw new Error(`${module} has the code ${code}, whose sentence the browser is built without`);
    }
  }
}

writeFileSync(browser('LICENSES.txt'), notices(root, module.metafile));

const page = at('src', 'serve', 'page');
if (existsSync(join(page, 'page.ts'))) {
  const target = at('dist', 'serve', 'page');
  mkdirSync(target, { recursive: true });
  const built = await build({
    ...options,
    entryPoints: [join(page, 'page.ts'), join(page, 'worker.ts'), join(page, 'compute.ts')],
    outdir: target,
    // These lie beside them.
    external: ['./attune.js', './compute.js'],
    alias: { linkedom: join(page, 'browser-document.ts') },
  });
  for (const name of ['index.html', 'icon.svg']) copyFileSync(join(page, name), join(target, name));
  const { STYLE } = await import(pathToFileURL(at('dist', 'report', 'style.js')).href);
  writeFileSync(
    join(target, 'page.css'),
    `${STYLE.trim()}\n\n${readFileSync(join(page, 'page.css'), 'utf8')}`,
  );
  copyFileSync(browser('attune.js'), join(target, 'attune.js'));
  writeFileSync(join(target, 'LICENSES.txt'), notices(root, module.metafile, built.metafile));
}

if (process.argv.includes('--sizes')) {
  for (const [file, { inputs, bytes }] of Object.entries(module.metafile.outputs)) {
    console.log(`${file}: ${bytes} bytes`);
    const sizes = Object.entries(inputs)
      .map(([name, { bytesInOutput }]) => [bytesInOutput, name])
      .sort(([a], [b]) => b - a);
    for (const [size, name] of sizes.slice(0, 40)) console.log(`  ${String(size).padStart(8)}  ${name}`);
  }
}
