import type { Command } from 'commander';
import { AttuneError, UsageError } from '../errors/attune-error.js';
import { reproduce as runAgain } from '../train/reproduce.js';
import { givenOptions } from './command-arguments.js';
import { REPRODUCE_OPTIONS } from './command-options.js';
import type { CliContext } from './context.js';
import { withDownloads } from './downloads.js';
import { terminalCallback } from './train-report.js';

/** `attune reproduce DIR` */
export async function reproduce(command: Command, { terminal, results, signal }: CliContext): Promise<void> {
  const dir = command.args[0].replace(/(?<=.)[/\\]+$/, '');
  if (dir === '') throw new UsageError('reproduced-folder-missing', {});
  const {
    outputDir = `${dir}-reproduced`,
    overwriteOutputDir = false,
    json = false,
    ...moved
  } = givenOptions(command, REPRODUCE_OPTIONS);
  const screen = terminalCallback(terminal);
  terminal.heading(`Running ${dir} again, into ${outputDir}`);
  try {
    const result = await withDownloads(terminal, signal, (hub) =>
      runAgain(dir, {
        ...moved,
        hub,
        outputDir,
        overwriteOutputDir,
        callbacks: [screen],
        signal,
        onDifferentStart: (differences) => {
          for (const difference of differences) terminal.warning(`not as it was: ${difference}`);
        },
      }),
    );
    if (json)
      results.record('reproduction', {
        dir,
        outputDir,
        reproduced: result.differences.length === 0,
        ...result,
      });
    if (result.differences.length > 0) {
      terminal.heading('Differences');
      for (const difference of result.differences) terminal.print(`  ${difference}`);
      throw new AttuneError('run-not-reproduced', { folder: dir, startDiffers: result.start.length > 0 });
    }
    terminal.print(
      `\n${result.records} records and ${result.tensors} tensors, all the same: ${dir} was reproduced, bit for bit.`,
    );
  } finally {
    screen.stop();
  }
}
