import type { Command } from 'commander';
import { commandLine } from './command-arguments.js';
import type { CliContext } from './context.js';
import { modelFolder, required } from './given.js';
import { trainOptionsOf } from './options.js';
import { runTraining } from './run-training.js';

/** `attune train` */
export async function train(command: Command, context: CliContext): Promise<void> {
  const { args, training, data, warnings } = trainOptionsOf(command);
  const dataset = required(data.dataset, 'dataset');
  for (const warning of warnings) context.terminal.warning(warning);
  await runTraining(
    { ...data, model: modelFolder(data.model), dataset, ...training, resultLines: true, examples: 0 },
    context,
  );
  context.terminal.print(
    `\nClassify texts with it:  ${commandLine(['predict'], { model: args.outputDir })} --text "…"`,
  );
  context.terminal.print(`Look at its curves:      ${commandLine(['report', args.outputDir], {})}`);
}
