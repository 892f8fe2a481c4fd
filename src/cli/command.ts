/**
 * Commands of the command line, on commander: errors are UsageErrors with a suggestion, and nothing ends the
 * process.
 */
import { Command, CommanderError, Option } from 'commander';
import { UsageError } from '../errors/attune-error.js';
import { standardResults } from './results.js';

/** Heading of what every command has. */
export const COMMAND_GROUP = 'Command';

/**
 * A command whose errors are thrown as UsageErrors. `--help` and `--version` print to stdout and throw a
 * CommanderError with exit code 0: see `isDone`.
 */
export function createCommand(name: string, description?: string): Command {
  const command = new Command(name);
  if (description !== undefined) command.description(description);
  return command
    .addHelpOption(new Option('-h, --help', 'show this help').helpGroup(`${COMMAND_GROUP}:`))
    .allowExcessArguments(false)
    .showSuggestionAfterError(false)
    .configureOutput({ writeOut: (text) => void standardResults().write(text), outputError: () => undefined })
    .configureHelp({
      optionTerm: (option) =>
        isSwitch(command, option) ? option.flags.replace('--', '--[no-]') : option.flags,
    })
    .exitOverride((error) => {
      throw error.exitCode === 0 ? error : usageError(command, error);
    });
}

/**
 * Whether what was thrown says that --help or --version was shown: nothing is left to do, and nothing went
 * wrong.
 */
export function isDone(error: unknown): boolean {
  return error instanceof CommanderError && error.exitCode === 0;
}

/**
 * Options given as HF's scripts spell them, as this command line does, up to a lone `--`: `--learning_rate`
 * in kebab-case, `--load_best_model_at_end True` as a switch, and an option that may stand without a value as
 * one that does, or is not given. What one of the command's options takes for its value stays as it is.
 */
export function normalizeArguments(argv: readonly string[], options: readonly Option[]): string[] {
  const takesValue = new Set(options.filter(({ required }) => required).map(({ long }) => long));
  const switches = new Set(
    options.filter((option) => option.isBoolean() && !option.negate).map(({ long }) => long),
  );
  const standsAlone = new Set(options.filter(({ optional }) => optional).map(({ long }) => long));
  const words: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    if (argv[at] === '--') return [...words, ...argv.slice(at)];
    const spelt = argv[at].replace(/^--[a-z][a-z0-9_]*(?==|$)/, (option) => option.replaceAll('_', '-'));
    const [name, attached] = /^(--[^=]+)=(.*)$/s.exec(spelt)?.slice(1) ?? [spelt];
    const value = switches.has(name) || standsAlone.has(name) ? truth(attached ?? argv[at + 1]) : undefined;
    if (value !== undefined) {
      if (value) words.push(name);
      else if (switches.has(name)) words.push(name.replace(/^--/, '--no-'));
      if (attached === undefined) at++;
      continue;
    }
    words.push(spelt);
    if (takesValue.has(spelt) && at + 1 < argv.length) words.push(argv[++at]);
  }
  return words;
}

/** What Python's True and False say; undefined for any other word. */
function truth(word: string | undefined): boolean | undefined {
  return word === undefined || !/^(?:true|false)$/i.test(word) ? undefined : word.toLowerCase() === 'true';
}

function isSwitch(command: Command, option: Option): boolean {
  return (
    option.long !== undefined &&
    command.options.some((other) => other.long === option.long?.replace('--', '--no-'))
  );
}

function usageError(command: Command, error: CommanderError): UsageError {
  const within = commandPath(command);
  const quoted = /'([^']+)'/.exec(error.message)?.[1] ?? '';
  switch (error.code) {
    case 'commander.unknownOption':
      return new UsageError('option-unknown', { option: quoted, known: wordsOf(command), within });
    case 'commander.unknownCommand':
      return new UsageError('command-unknown', { name: quoted, known: wordsOf(command), within });
    case 'commander.optionMissingArgument':
      return new UsageError('option-value-missing', { option: quoted.split(' ')[0], within });
    case 'commander.missingArgument':
      return new UsageError('command-argument-missing', { argument: quoted, within });
    case 'commander.help': // called without a command: the help is already on stderr
      return new UsageError('command-missing', { within });
    case 'commander.excessArguments':
      return new UsageError('command-argument-unexpected', { argument: command.args.at(-1) ?? '', within });
    default:
      return new UsageError('command-line-invalid', {
        reason: error.message.replace(/^error: /, ''),
        within,
      });
  }
}

/** The options and commands that a command knows. */
function wordsOf(command: Command): string[] {
  return [
    ...command.options.flatMap((option) => option.long ?? []),
    ...command.commands.map((child) => child.name()),
  ];
}

function commandPath(command: Command): string {
  return command.parent ? `${commandPath(command.parent)} ${command.name()}` : command.name();
}
