// Bundles the command line (dist/bundle, which bin/attune.js runs) and the thread of the CPU engine out of
// the compiled dist/: a start that reads two hundred files, one by one, takes longer than all it then does.
// What is large stays outside and is loaded when it is needed.
//
//   main.js    the command line, with a file for each part that only some commands need
//   help.cjs   the same without any command: what --help and --version need, as one file that is no ES
// module, because Node starts those later
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { notices } from './notices.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const target = join(dist, 'bundle');

/** Small libraries of many files that nearly every command needs. */
const INSIDE = /^(?:commander|picocolors|cli-progress|crc-32|@bufbuild\/protobuf)(?:$|\/)/;

const libraries = {
  name: 'libraries-outside',
  setup({ onResolve, onLoad }) {
    // commander would start commands that are programs of their own with it. attune has none, and loading it
    // takes longer than the rest of `--help`.
    onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      /[\\/]commander[\\/]/.test(importer) ? { path: 'child_process', namespace: 'left-out' } : undefined,
    );
    onLoad({ filter: /./, namespace: 'left-out' }, () => ({ contents: '' }));
    // An entry point is a path, which begins with a drive on Windows.
    onResolve({ filter: /^[^./]/ }, ({ path, importer, kind }) =>
      kind === 'entry-point' || INSIDE.test(path) || importer.includes(`${sep}node_modules${sep}`)
        ? undefined
        : { external: true },
    );
  },
};

/** Commands are loaded dynamically. What shows an error is, too, and stays: help may have nowhere to go. */
const commandsOutside = {
  name: 'commands-outside',
  setup({ onResolve }) {
    onResolve({ filter: /^\./ }, ({ kind, path }) =>
      kind === 'dynamic-import' && path !== './terminal.js' ? { external: true } : undefined,
    );
  },
};

/** All that can go wrong in showing help is that nothing can be written: the other sentences are not read. */
const errorsOutside = {
  name: 'errors-outside',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]errors[\\/]codes[\\/].*\.js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      return /(?:command-line|files)-errors\.js$/.test(path)
        ? undefined
        : { contents: `export const ${/export const (\w+)/.exec(text)[1]} = {};` };
    });
  },
};

/** A module's own place is where it was compiled to: workers, WebAssembly and models are named from there. */
const places = {
  name: 'places',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]dist[\\/].*\.js$/ }, ({ path }) => {
      if (!path.startsWith(dist + sep)) return undefined;
      const place = relative(target, path).replaceAll(sep, '/');
      return {
        contents: readFileSync(path, 'utf8').replaceAll(
          'import.meta.url',
          `new URL(${JSON.stringify(place)}, import.meta.url).href`,
        ),
      };
    });
  },
};

const options = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  keepNames: true,
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
};

const { metafile } = await build({
  ...options,
  entryPoints: [join(dist, 'cli', 'main.js')],
  outdir: target,
  splitting: true,
  plugins: [libraries, places],
  // Libraries that are not ES modules ask for Node's modules so.
  banner: {
    js: [
      "import { createRequire as createRequireOfBundle } from 'node:module';",
      'const require = createRequireOfBundle(import.meta.url);',
    ].join(' '),
  },
});
await build({
  ...options,
  entryPoints: [join(dist, 'cli', 'main.js')],
  outfile: join(target, 'help.cjs'),
  format: 'cjs',
  plugins: [commandsOutside, errorsOutside, libraries, places],
  define: { 'import.meta.url': 'placeOfBundle' },
  banner: { js: "const placeOfBundle = require('node:url').pathToFileURL(__filename).href;" },
});
writeFileSync(join(target, 'LICENSES.txt'), notices(root, metafile));

const thread = join(dist, 'engine', 'onnx', 'worker.js');
await build({
  ...options,
  entryPoints: [thread],
  outfile: thread,
  allowOverwrite: true,
  packages: 'external',
});
rmSync(`${thread}.map`, { force: true });
