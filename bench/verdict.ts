/**
 * How often the verdict of a comparison is wrong: `tsx bench/verdict.ts [simulations a cell] [seed]`.
 * CELLS=2/200 takes the cells of two classes and 200 rows alone. docs/verdict.md has the table and says what
 * its columns mean.
 */
import { spawn } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';
import { CELLS, METRICS, simulate } from './simulated-comparisons.js';
import type { Cell, Rates } from './simulated-comparisons.js';

const COLUMNS = [
  'classes',
  'rows',
  'true accuracies',
  'metric',
  'a best one excluded',
  'false "within the margin"',
  'interval of the highest covers',
  'a model is shown within the margin',
  'one simpler than the highest',
  'what the recommended loses',
  'what the highest loses where none is shown',
  'models in the best set',
  'the highest is too high by',
  'after correction',
];

async function main(simulations: number, seed: number): Promise<void> {
  const filter = process.env['CELLS'];
  const chosen = CELLS.filter(
    ({ what, rows, classes }) =>
      filter === undefined || new RegExp(filter).test(`${classes}/${rows}/${what}`),
  );
  console.log(`${simulations} simulated comparisons a cell, seed ${seed}; ${cpus()[0]?.model}`);
  console.log(`\n| ${COLUMNS.join(' | ')} |\n|${COLUMNS.map(() => '---').join('|')}|`);
  let next = 0;
  const results: (Readonly<Record<string, Rates>> | undefined)[] = chosen.map(() => undefined);
  let printed = 0;
  const worker = async (): Promise<void> => {
    while (next < chosen.length) {
      const at = next++;
      results[at] = await child({
        cell: chosen[at],
        simulations,
        seed: seed * 1000 + CELLS.indexOf(chosen[at]),
      });
      for (; printed < chosen.length && results[printed]; printed++)
        print(chosen[printed], results[printed]!, simulations);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
}

function child(asked: object): Promise<Readonly<Record<string, Rates>>> {
  return new Promise((resolve, reject) => {
    const run = spawn(
      process.execPath,
      ['--import', 'tsx', import.meta.filename, '-', '-', JSON.stringify(asked)],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let output = '';
    run.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    run.on('close', (code) =>
      code === 0
        ? resolve(JSON.parse(output) as Readonly<Record<string, Rates>>)
        : reject(new Error(`ended with ${code}`)),
    );
  });
}

function print({ what, rows, classes }: Cell, rates: Readonly<Record<string, Rates>>, n: number): void {
  for (const metric of METRICS) {
    const r = rates[metric];
    const shares = [r.excluded, r.falseClaim, r.covered, r.recommended, r.simpler].map(
      (count) => `${((100 * count) / n).toFixed(1)} %`,
    );
    const mean = (sum: number, of = n): string => (of === 0 ? '–' : (sum / of).toFixed(4));
    const means = [
      mean(r.regret, r.recommended),
      mean(r.regretUnshown, r.unshown),
      (r.bestSet / n).toFixed(1),
      mean(r.optimism),
      mean(r.corrected),
    ];
    console.log(`| ${[classes, rows, what, metric, ...shares, ...means].join(' | ')} |`);
  }
}

const [, , asked = '2000', seedText = '1', part] = process.argv;
if (part !== undefined) {
  const { cell, simulations, seed } = JSON.parse(part) as { cell: Cell; simulations: number; seed: number };
  console.log(JSON.stringify(await simulate(cell, simulations, seed)));
} else {
  await main(Number(asked), Number(seedText));
}
