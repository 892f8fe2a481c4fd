#!/usr/bin/env node
// No ES module (bin/package.json says so): Node starts those later, which `--help` would show.
'use strict';
const { existsSync } = require('node:fs');
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
  const { runCli } = general
    ? require(join(bundle, 'help.cjs'))
    : await import(pathToFileURL(join(bundle, 'main.js')).href);
  return runCli(words);
}

// Node ends a process that waits for what can no longer come, and calls that a success. Here it is a failure
// until the command has said how it ended.
process.exitCode = 1;
const endedEarly = () =>
  console.error(
    'error: attune ended before its work was done. ' +
      'This is a defect of attune: please report it with the command you ran.',
  );
process.once('exit', endedEarly);
void main()
  .catch((error) => {
    console.error('error: this is a defect of attune. Please report it with the lines below.');
    console.error(error);
    return 1;
  })
  .then((code) => {
    process.off('exit', endedEarly);
    process.exitCode = code;
  });
