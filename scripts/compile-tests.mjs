// Compiles test/ into test-build/, which stands at the same depth, so that paths relative to a file hold in
// both. Each of the many test files is a process of its own: compiling all of them once is faster than
// loading a compiler in each.
import { mkdirSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { transform } from 'esbuild';

/** @returns the folder of the compiled tests */
export async function compileTests(root) {
  const [from, to] = [join(root, 'test'), join(root, 'test-build')];
  rmSync(to, { recursive: true, force: true });
  await compileFolder(from, to);
  return to;
}

async function compileFolder(from, to) {
  mkdirSync(to, { recursive: true });
  await Promise.all(
    readdirSync(from, { withFileTypes: true }).map(async (entry) => {
      const source = join(from, entry.name);
      if (entry.isDirectory() && hasTypeScript(source)) await compileFolder(source, join(to, entry.name));
      else if (!entry.name.endsWith('.ts'))
        symlinkSync(source, join(to, entry.name), entry.isDirectory() ? 'junction' : 'file');
      else {
        const { code } = await transform(readFileSync(source, 'utf8'), {
          loader: 'ts',
          format: 'esm',
          target: 'node20',
          sourcefile: source,
          sourcemap: 'inline',
          sourcesContent: false,
        });
        writeFileSync(join(to, `${entry.name.slice(0, -'.ts'.length)}.js`), code);
      }
    }),
  );
}

function hasTypeScript(folder) {
  return readdirSync(folder).some(
    (name) =>
      name.endsWith('.ts') ||
      (statSync(join(folder, name)).isDirectory() && hasTypeScript(join(folder, name))),
  );
}
