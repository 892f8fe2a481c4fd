#!/usr/bin/env node
// No ES module (bin/package.json says so): Node starts those later, which `--help` would show.
'use strict';
const { existsSync } = require('node:fs');
const { enableCompileCache } = require('node:module');
const { join } = require('node:path');
const { pathToFileURL } = require('node:url');

const words = process.argv.slice(2);
const bundle = join(__dirname, '..', 'dist', 'bundle');
// What can be answered without any command.
const general = words.every((word) => ['-h', '--help', '-v', '--version'].includes(word));

async function main() {
  if (!existsSync(bundle)) {
    console.error('attune is not built yet. In a checkout, run: npm run build');
    return 1;
  }
  // Node 22 and newer keep the compiled code of one start for the next.
  enableCompileCache?.();
  const { runCli } = general ? require(join(bundle, 'help.cjs')) : await import(pathToFileURL(join(bundle, 'main.js')).href);
  return runCli(words);
}

void main().then((code) => (process.exitCode = code));
