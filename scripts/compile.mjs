// Turns TypeScript into JavaScript, file by file and without a check of types. A compiled folder stands at the
// depth of its sources, so that paths relative to a file hold in both; what is no TypeScript is linked.
import { mkdirSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { transform } from 'esbuild';

/** @returns `to`, which holds the compiled `from` and nothing else */
export async function compileFolder(from, to) {
  rmSync(to, { recursive: true, force: true });
  await compileInto(from, to);
  return to;
}

async function compileInto(from, to) {
  mkdirSync(to, { recursive: true });
  const entries = readdirSync(from, { withFileTypes: true });
  await Promise.all(
    entries.map((entry) => compileEntry(join(from, entry.name), join(to, entry.name), entry)),
  );
}

async function compileEntry(source, target, entry) {
  if (entry.isDirectory() && hasTypeScript(source)) return compileInto(source, target);
  if (!source.endsWith('.ts')) return symlinkSync(source, target, entry.isDirectory() ? 'junction' : 'file');
  // AssemblyScript, which prepare.mjs compiles.
  if (source.endsWith('.assembly.ts')) return;
  const { code } = await transform(readFileSync(source, 'utf8'), {
    loader: 'ts',
    format: 'esm',
    target: 'node20',
    sourcefile: source,
    sourcemap: 'inline',
    sourcesContent: false,
  });
  writeFileSync(target.replace(/\.ts$/, '.js'), code);
}

function hasTypeScript(folder) {
  return readdirSync(folder).some(
    (name) =>
      name.endsWith('.ts') ||
      (statSync(join(folder, name)).isDirectory() && hasTypeScript(join(folder, name))),
  );
}
