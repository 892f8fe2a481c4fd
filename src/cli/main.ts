/**
 * The command line: finds the command and runs it; each command lives in a file of its own, loaded when it is
 * called.
 */
import type { Command } from 'commander';
import { AttuneError, explained } from '../errors/attune-error.js';
import { createCommand, isDone, normalizeArguments } from './command.js';
import type { CliContext } from './context.js';
import { standardResults } from './results.js';
import { packageVersion } from './version.js';

type Action = (command: Command, context: CliContext) => Promise<void>;
type Attach = (command: Command, action: () => Promise<Action>) => Command;

interface Entry {
  readonly name: string;
  readonly description: string;
  /**
   * Gives the command its options and its action. Modules are loaded in here, so that a start reads those of
   * one command.
   */
  readonly complete: (command: Command, attach: Attach) => Promise<unknown>;
}

export const COMMANDS: readonly Entry[] = [
  {
    name: 'train',
    description: 'fine-tune a model on labelled texts',
    complete: async (command, attach) =>
      attach(
        (await import('./options.js')).addTrainOptions(command),
        async () => (await import('./train.js')).train,
      ),
  },
  {
    name: 'compare',
    description: 'fine-tune, train the baselines on the same rows, and say which to deploy',
    complete: async (command, attach) =>
      attach(
        (await import('./options.js')).addCompareOptions(command),
        async () => (await import('./compare.js')).compare,
      ),
  },
  {
    name: 'evaluate',
    description: 'measure a fine-tuned model on labelled texts',
    complete: async (command, attach) =>
      attach(
        (await import('./command-options.js')).addEvaluateOptions(command),
        async () => (await import('./evaluate.js')).evaluate,
      ),
  },
  {
    name: 'predict',
    description: 'classify texts',
    complete: async (command, attach) =>
      attach(
        (await import('./command-options.js')).addPredictOptions(command),
        async () => (await import('./predict.js')).predict,
      ),
  },
  {
    name: 'inspect',
    description: 'look at a dataset as the model will see it',
    complete: async (command, attach) =>
      attach(
        (await import('./command-options.js')).addInspectOptions(command),
        async () => (await import('./inspect.js')).inspect,
      ),
  },
  {
    name: 'reproduce',
    description: 'run a finished run again and compare, bit for bit',
    complete: async (command, attach) =>
      attach(
        (await import('./command-options.js')).addReproduceOptions(command),
        async () => (await import('./reproduce.js')).reproduce,
      ),
  },
  {
    name: 'cache',
    description: 'list what was downloaded from the Hub',
    complete: async (command, attach) =>
      (await import('./cache-options.js')).addCacheOptions(command, (each, action) =>
        attach(each, async () => action(await import('./cache.js'))),
      ),
  },
  {
    name: 'report',
    description: 'make the page of a finished comparison or training run again',
    complete: async (command, attach) =>
      attach(
        (await import('./command-options.js')).addReportOptions(command),
        async () => (await import('./report.js')).report,
      ),
  },
  {
    name: 'serve',
    description: 'serve the page that fine-tunes in the browser',
    complete: async (command, attach) =>
      attach(
        (await import('./command-options.js')).addServeOptions(command),
        async () => (await import('./serve.js')).serve,
      ),
  },
  {
    name: 'doctor',
    description: 'check what this machine has, and what is missing',
    complete: (command, attach) =>
      Promise.resolve(attach(command, async () => (await import('./doctor.js')).doctor)),
  },
  {
    name: 'demo',
    description: 'the whole job on the bundled model and data, offline',
    complete: async (command, attach) =>
      attach(
        (await import('./command-options.js')).addDemoOptions(command),
        async () => (await import('./demo.js')).demo,
      ),
  },
];

/** All commands, of which only the one that is `called` knows its options. */
async function program(called: string | undefined, attach: Attach): Promise<Command> {
  const root = createCommand(
    'attune',
    'Fine-tune GPT-2 for text classification, and know whether it was worth it.',
  )
    .version(packageVersion(), '-v, --version', 'show the version')
    .helpCommand(false)
    // Options of its own stand before the command: behind it, --version may be the value of another.
    .enablePositionalOptions()
    .addHelpText(
      'after',
      '\nEach command has a --help of its own. To see everything at work, offline: attune demo',
    );
  for (const { name, description, complete } of COMMANDS) {
    const command = createCommand(name, description);
    root.addCommand(command);
    if (name === called) await complete(command, attach);
  }
  return root;
}

/**
 * Runs attune with the words after its name.
 *
 * @returns the exit status: 0 done, 1 failed, 2 usage, 130 interrupted
 */
export async function runCli(argv: readonly string[]): Promise<number> {
  const status = await runCommand(argv);
  try {
    // Results that were not written are a failure; that of the command itself has been told.
    await standardResults().flush();
    return status;
  } catch (error) {
    return status === 0 ? showError(error) : status;
  }
}

async function runCommand(argv: readonly string[]): Promise<number> {
  const attach: Attach = (command, load) =>
    // commander passes the arguments, the options, and last the command itself.
    command.action(async (...passed: unknown[]) => {
      const [action, { withContext }] = [await load(), await import('./context.js')];
      await withContext((context) => action(passed[passed.length - 1] as Command, context));
    });
  try {
    const called = argv.find((word) => !word.startsWith('-'));
    const root = await program(called, attach);
    const command = root.commands.find((each) => each.name() === called);
    const options = command ? [command, ...command.commands].flatMap((each) => each.options) : [];
    if (argv.length === 0) root.outputHelp();
    else await root.parseAsync(normalizeArguments(argv, options), { from: 'user' });
    return 0;
  } catch (cause) {
    if (isDone(cause)) return 0;
    return showError(cause);
  }
}

/** @returns the exit status that the error asks for */
async function showError(cause: unknown): Promise<number> {
  const error = explained(cause);
  const { createTerminal } = await import('./terminal.js');
  createTerminal().error(error);
  return error instanceof AttuneError ? error.exitCode : 1;
}
