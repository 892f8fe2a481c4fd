/** The command line: finds the command and runs it; each command lives in a file of its own, loaded when it is called. */
import type { Command } from 'commander';
import { AttuneError, explained } from '../errors.js';
import { createCommand, isDone, normalizeArguments } from './command.js';
import { withContext } from './context.js';
import type { CliContext } from './context.js';
import { addCacheCommands } from './cache-options.js';
import { addDemoOptions, addEvaluateOptions, addInspectOptions, addPredictOptions, addReportOptions, addReproduceOptions } from './command-options.js';
import { addCompareOptions, addTrainOptions } from './options.js';
import { createTerminal } from './terminal.js';
import { packageVersion } from './version.js';

type Action = (command: Command, context: CliContext) => Promise<void>;

function program(run: (action: () => Promise<Action>) => (...words: unknown[]) => Promise<void>): Command {
  const root = createCommand('attune', 'Fine-tune GPT-2 for text classification, and know whether it was worth it.')
    .version(packageVersion(), '-v, --version', 'show the version')
    .helpCommand(false)
    .addHelpText('after', '\nEach command has a --help of its own. To see everything at work, offline: attune demo');
  const add = (command: Command, action: () => Promise<Action>): void => void root.addCommand(command.action(run(action)));
  add(addTrainOptions(createCommand('train', 'fine-tune a model on labelled texts')), async () => (await import('./train.js')).train);
  add(addCompareOptions(createCommand('compare', 'fine-tune, train the baselines on the same rows, and say which to deploy')), async () => (await import('./compare.js')).compare);
  add(addEvaluateOptions(createCommand('evaluate', 'measure a fine-tuned model on labelled texts')), async () => (await import('./evaluate.js')).evaluate);
  add(addPredictOptions(createCommand('predict', 'classify texts')), async () => (await import('./predict.js')).predict);
  add(addInspectOptions(createCommand('inspect', 'look at a dataset as the model will see it')), async () => (await import('./inspect.js')).inspect);
  add(addReproduceOptions(createCommand('reproduce', 'run a finished run again and compare, bit for bit')), async () => (await import('./reproduce.js')).reproduce);
  root.addCommand(addCacheCommands((command, action) => command.action(run(async () => action(await import('./cache.js'))))));
  add(addReportOptions(createCommand('report', 'make the page of a finished comparison or training run again')), async () => (await import('./report.js')).report);
  add(createCommand('doctor', 'check what this machine has, and what is missing'), async () => (await import('./doctor.js')).doctor);
  add(addDemoOptions(createCommand('demo', 'the whole job on the bundled model and data, offline')), async () => (await import('./demo.js')).demo);
  return root;
}

/**
 * Runs attune with the words after its name.
 *
 * @returns the exit status: 0 done, 1 failed, 2 usage, 130 interrupted
 */
export async function runCli(argv: readonly string[]): Promise<number> {
  const root = program((load) => async (...words) => {
    // commander passes the arguments, the options, and last the command itself.
    const command = words[words.length - 1] as Command;
    const action = await load();
    await withContext((context) => action(command, context));
  });
  try {
    if (argv.length === 0) {
      root.outputHelp();
      return 0;
    }
    await root.parseAsync(normalizeArguments(argv), { from: 'user' });
    return 0;
  } catch (cause) {
    if (isDone(cause)) return 0;
    const error = explained(cause);
    createTerminal().error(error);
    return error instanceof AttuneError ? error.exitCode : 1;
  }
}
