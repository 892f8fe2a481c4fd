/**
 * Options of commands from argument tables, and what was given of them. Apart from command.ts, because
 * `attune --help` needs none of it.
 */
import { basename, isAbsolute, relative } from 'node:path';
import type { Command } from 'commander';
import { Option } from 'commander';
import type { ArgumentSpec, ArgumentTable, Given } from '../train/argument-table.js';
import { checkGiven, kebabCase, parseText } from '../train/argument-table.js';

/**
 * The argument of an option, for messages. What the library calls `config` is a dataset's configuration, here
 * `--dataset-config`.
 */
const argumentOf = (option: string): string => (option === 'config' ? 'configFile' : option);

export const optionName = (name: string): string => `--${kebabCase(name)}`;

/** Adds an option for each entry of a table, under the table's headings; aliases work and are not listed. */
export function addOptions(command: Command, table: ArgumentTable): Command {
  for (const [name, spec] of Object.entries(table)) {
    for (const option of optionsOf(name, spec)) command.addOption(option.helpGroup(`${spec.group}:`));
    for (const alias of spec.aliases ?? [])
      for (const option of optionsOf(alias, spec))
        command.addOption(option.helpGroup(`${spec.group}:`).hideHelp());
  }
  return command;
}

function optionsOf(name: string, spec: ArgumentSpec): Option[] {
  const flag = optionName(name);
  const described = description(spec);
  if (spec.kind === 'boolean')
    return [new Option(flag, described), new Option(`--no-${kebabCase(name)}`).hideHelp()];
  const value = spec.kind === 'string' && spec.bare ? `[${placeholder(spec)}]` : `<${placeholder(spec)}>`;
  return [
    new Option(`${flag} ${value}`, described).argParser((text) => parseText(spec, text, argumentOf(name))),
  ];
}

function placeholder(spec: ArgumentSpec): string {
  if (spec.kind === 'string') return spec.placeholder;
  return spec.kind === 'enum' ? 'NAME' : 'N';
}

function description(spec: ArgumentSpec): string {
  const notes = [
    spec.kind === 'enum' ? spec.choices.join(', ') : '',
    spec.default === undefined || spec.default === false ? '' : `default: ${shownDefault(spec.default)}`,
  ].filter((note) => note !== '');
  return notes.length === 0 ? spec.description : `${spec.description} (${notes.join('; ')})`;
}

const shownDefault = (value: string | number | true): string =>
  typeof value === 'number' && value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential() : String(value);

/** What the user gave on the command line of a parsed command, under the table's own names. */
export function givenOptions<T extends ArgumentTable>(command: Command, table: T): Given<T> {
  const names = Object.entries(table).flatMap(([name, spec]) => [name, ...(spec.aliases ?? [])]);
  const given = names
    .filter((name) => command.getOptionValueSource(name) === 'cli')
    .map((name) => [name, command.getOptionValue(name) as unknown]);
  return checkGiven(table, Object.fromEntries(given) as Record<string, unknown>);
}

/** A word as a POSIX shell reads it back. */
const shellWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/**
 * How this program was started, as it would be typed again: by its name where npm has linked it, else by its
 * file.
 */
export function program(script = process.argv[1] ?? '', cwd = process.cwd()): readonly string[] {
  const within = relative(cwd, script);
  const isHere = !within.startsWith('..') && !isAbsolute(within);
  if (/[/\\]node_modules[/\\]\.bin[/\\]/.test(script)) return ['npx', 'attune'];
  // As npm's scripts on Windows start it.
  if (/[/\\]node_modules[/\\]attune[/\\]/.test(script)) return isHere ? ['npx', 'attune'] : ['attune'];
  return basename(script) === 'attune' ? ['attune'] : ['node', isHere ? within : script];
}

/** A command of attune as it would be typed. */
export function commandLine(
  words: readonly string[],
  options: Readonly<Record<string, string | number | boolean | undefined>>,
): string {
  const typed = Object.entries(options).flatMap(([name, value]) => {
    if (value === undefined) return [];
    if (typeof value === 'boolean') return [value ? optionName(name) : `--no-${kebabCase(name)}`];
    // A value that begins with a dash would be taken for an option.
    return String(value).startsWith('-')
      ? [`${optionName(name)}=${value}`]
      : [optionName(name), String(value)];
  });
  return [...program(), ...words, ...typed].map(shellWord).join(' ');
}
