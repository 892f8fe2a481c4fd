/**
 * Reads damaged files one after another in a process of little memory: `fuzz-child.ts KIND SEED FROM COUNT
 * FOLDER`. Prints a line before each hundred.
 */
import type { FuzzKind } from './fuzz.js';
import { fuzzCase } from './fuzz.js';

const [kind, seed, from, count, folder] = process.argv.slice(2);
let refused = 0;
let before = 0;
for (let i = 0; i < Number(count); i++) {
  // What is loaded and compiled once is not the files' doing.
  if (i === 20) before = process.resourceUsage().maxRSS;
  if (i % 100 === 0) process.stdout.write(`at ${Number(from) + i}\n`);
  if (await fuzzCase(kind as FuzzKind, Number(seed), Number(from) + i, folder)) refused++;
}
process.stdout.write(
  `${JSON.stringify({ refused, grownBytes: 1024 * (process.resourceUsage().maxRSS - before) })}\n`,
);
