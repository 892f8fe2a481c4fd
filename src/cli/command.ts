/**
 * Commands of the command line, on commander: options come from argument tables, errors are UsageErrors with a suggestion, and nothing
 * ends the process.
 */
import { Command, CommanderError, Option } from 'commander';
import { UsageError } from '../errors.js';
import { didYouMean } from '../nearest.js';
import { type ArgumentSpec, type ArgumentTable, checkGiven, type Given, kebabCase, parseText } from '../train/argument-table.js';

/** Heading of what every command has. */
export const COMMAND_GROUP = 'Command';

export const optionName = (name: string): string => `--${kebabCase(name)}`;

/**
 * A command whose errors are thrown as UsageErrors. `--help` and `--version` print to stdout and throw a CommanderError with exit code 0:
 * see `isDone`.
 */
export function createCommand(name: string, description?: string): Command {
  const command = new Command(name);
  if (description !== undefined) command.description(description);
  return command
    .addHelpOption(new Option('-h, --help', 'show this help').helpGroup(`${COMMAND_GROUP}:`))
    .allowExcessArguments(false)
    .showSuggestionAfterError(false)
    .configureOutput({ outputError: () => undefined })
    .configureHelp({ optionTerm: (option) => (isSwitch(command, option) ? option.flags.replace('--', '--[no-]') : option.flags) })
    .exitOverride((error) => {
      throw error.exitCode === 0 ? error : usageError(command, error);
    });
}

/** Whether what was thrown says that --help or --version was shown: nothing is left to do, and nothing went wrong. */
export function isDone(error: unknown): boolean {
  return error instanceof CommanderError && error.exitCode === 0;
}

/** Options given as HF's scripts spell them (`--learning_rate`) in kebab-case, up to a lone `--`. */
export function normalizeArguments(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  return argv.map((word, i) => (end >= 0 && i >= end ? word : word.replace(/^--[a-z][a-z0-9_]*(?==|$)/, (option) => option.replaceAll('_', '-'))));
}

/** Adds an option for each entry of a table, under the table's headings; aliases work and are not listed. */
export function addOptions(command: Command, table: ArgumentTable): Command {
  for (const [name, spec] of Object.entries(table)) {
    for (const option of optionsOf(name, spec)) command.addOption(option.helpGroup(`${spec.group}:`));
    for (const alias of spec.aliases ?? []) for (const option of optionsOf(alias, spec)) command.addOption(option.helpGroup(`${spec.group}:`).hideHelp());
  }
  return command;
}

function optionsOf(name: string, spec: ArgumentSpec): Option[] {
  const flag = optionName(name);
  const described = description(spec);
  if (spec.kind === 'boolean') return [new Option(flag, described), new Option(`--no-${kebabCase(name)}`).hideHelp()];
  const value = spec.kind === 'string' && spec.bare ? `[${placeholder(spec)}]` : `<${placeholder(spec)}>`;
  return [new Option(`${flag} ${value}`, described).argParser((text) => parseText(spec, text, flag))];
}

function placeholder(spec: ArgumentSpec): string {
  if (spec.kind === 'string') return spec.placeholder;
  return spec.kind === 'enum' ? 'NAME' : 'N';
}

function description(spec: ArgumentSpec): string {
  const notes = [spec.kind === 'enum' ? spec.choices.join(', ') : '', spec.default === undefined || spec.default === false ? '' : `default: ${shownDefault(spec.default)}`].filter((note) => note !== '');
  return notes.length === 0 ? spec.description : `${spec.description} (${notes.join('; ')})`;
}

const shownDefault = (value: string | number | true): string => (typeof value === 'number' && value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential() : String(value));

/** What the user gave on the command line of a parsed command, under the table's own names. */
export function givenOptions<T extends ArgumentTable>(command: Command, table: T): Given<T> {
  const names = Object.entries(table).flatMap(([name, spec]) => [name, ...(spec.aliases ?? [])]);
  const given = names.filter((name) => command.getOptionValueSource(name) === 'cli').map((name) => [name, command.getOptionValue(name) as unknown]);
  return checkGiven(table, Object.fromEntries(given) as Record<string, unknown>, optionName);
}

function isSwitch(command: Command, option: Option): boolean {
  return option.long !== undefined && command.options.some((other) => other.long === option.long?.replace('--', '--no-'));
}

function usageError(command: Command, error: CommanderError): UsageError {
  const help = `${commandPath(command)} --help lists what it takes.`;
  const quoted = /'([^']+)'/.exec(error.message)?.[1] ?? '';
  switch (error.code) {
    case 'commander.unknownOption':
    case 'commander.unknownCommand': {
      const candidates = [...command.options.flatMap((option) => option.long ?? []), ...command.commands.map((child) => child.name())];
      const near = didYouMean(quoted.replace(/=.*$/, ''), candidates);
      const what = error.code === 'commander.unknownOption' ? 'option' : 'command';
      return new UsageError(`unknown ${what} ${quoted}`, { hint: near === undefined ? help : `${near} ${help}` });
    }
    case 'commander.optionMissingArgument':
      return new UsageError(`${quoted.split(' ')[0]} needs a value`, { hint: help });
    case 'commander.help': // called without a command: the help is already on stderr
      return new UsageError(`${commandPath(command)} needs a command`);
    case 'commander.excessArguments':
      return new UsageError(`unexpected argument ${command.args.at(-1)}`, { hint: help });
    default:
      return new UsageError(error.message.replace(/^error: /, ''), { hint: help });
  }
}

function commandPath(command: Command): string {
  return command.parent ? `${commandPath(command.parent)} ${command.name()}` : command.name();
}
