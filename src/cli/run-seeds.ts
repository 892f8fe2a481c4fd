import { InterruptedError } from '../errors/attune-error.js';
import { trainOtherSeeds } from '../train/seeds.js';
import type { SeedRun } from '../train/seeds.js';
import type { CliContext } from './context.js';
import { withDownloads } from './downloads.js';
import { terminalCallback } from './train-report.js';

export interface RunSeedsOptions {
  readonly overwriteOutputDir: boolean;
  /** Where the model is that they begin as, should it have moved. */
  readonly model: string;
  /** The command that goes on, should this be interrupted. */
  readonly goOn: string;
}

/**
 * Fine-tunes under the other seeds of a comparison.
 *
 * @throws as `trainOtherSeeds`; InterruptedError `other-seed-interrupted` with what to run next
 */
export async function runSeeds(
  run: string,
  others: readonly SeedRun[],
  { overwriteOutputDir, model, goOn }: RunSeedsOptions,
  { terminal, signal }: CliContext,
): Promise<void> {
  const screen = terminalCallback(terminal);
  try {
    await withDownloads(terminal, signal, (hub) =>
      trainOtherSeeds(run, others, {
        overwriteOutputDir,
        model,
        hub,
        signal,
        callbacks: ({ seed, folder }, checkpoint) => {
          terminal.heading(`Fine-tuning under seed ${seed}, into ${folder}`);
          if (checkpoint !== undefined) terminal.print(`  going on from ${checkpoint}`);
          return [screen];
        },
        onFound: ({ seed, folder }) =>
          terminal.print(`\nFine-tuned under seed ${seed} before, in ${folder}.`),
      }),
    );
  } catch (error) {
    if (error instanceof InterruptedError)
      throw new InterruptedError('other-seed-interrupted', { command: goOn }, { cause: error });
    throw error;
  } finally {
    screen.stop();
  }
}
