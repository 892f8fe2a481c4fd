/** The terms of the command line: options as they are typed. */
import type { Shell } from '../errors/shell.js';
import { optionName } from './command-arguments.js';

/** Arguments of the library that are options of another name. */
const OPTIONS: Readonly<Record<string, string>> = { config: 'datasetConfig' };

const option = (name: string): string => optionName(OPTIONS[name] ?? name);

export const COMMAND_LINE: Shell = {
  argument: option,
  given: (name, value) => (value === true ? option(name) : `${option(name)} ${value}`),
  hints: {},
};
