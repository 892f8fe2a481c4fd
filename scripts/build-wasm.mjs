// Compiles AssemblyScript modules, in one process because the compiler takes long to start: node
// scripts/build-wasm.mjs SOURCE TARGET [SOURCE TARGET ...].
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import asc from 'assemblyscript/asc';

const files = process.argv.slice(2);
for (let i = 0; i < files.length; i += 2) {
  const [source, target] = files.slice(i, i + 2);
  const { error, stderr } = await asc.main(
    [
      source,
      '--outFile',
      target,
      '-O3',
      '--noAssert',
      '--enable',
      'simd',
      '--runtime',
      'stub',
      '--importMemory',
      '--initialMemory',
      '1',
    ],
    {
      // Written beside, then renamed: what lies under its name is whole.
      writeFile: (name, contents) => {
        if (name !== target) return;
        mkdirSync(dirname(target), { recursive: true });
        writeFileSync(`${target}.${process.pid}`, contents);
        renameSync(`${target}.${process.pid}`, target);
      },
    },
  );
  if (error) {
    console.error(stderr.toString());
    process.exit(1);
  }
}
