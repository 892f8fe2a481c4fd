#!/usr/bin/env node
import { existsSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';

const main = new URL('../dist/bundle/main.js', import.meta.url);
if (!existsSync(fileURLToPath(main))) {
  console.error('attune is not built yet. In a checkout, run: npm run build');
  process.exit(1);
}
// Node 22 and newer keep the compiled code of one start for the next.
module.enableCompileCache?.();
const { runCli } = await import(main.href);
process.exitCode = await runCli(process.argv.slice(2));
