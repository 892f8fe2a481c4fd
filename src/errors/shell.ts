/**
 * An error is a code with its facts. Whoever shows it to people is a shell: the library itself, the command
 * line, the page. A shell has its own terms, so the sentence of one error reads `maxLength is 65` to a
 * programmer and `--max-length is 65` at a terminal.
 */
import type { ErrorCode, FactsOf } from './catalogue.js';
import { CATALOGUE } from './catalogue.js';
import type { Facts, Reader, Wording } from './wording.js';

/** The terms of those who read. */
export interface Shell {
  /** An argument as the reader writes it. @param name as the library has it, such as `maxLength` */
  readonly argument: (name: string) => string;
  /** The same with a value: `maxLength: 64`, `--max-length 64`. `true` is a flag that is set. */
  readonly given: (name: string, value: string | number | boolean) => string;
  /** Hints that this shell words itself. */
  readonly hints: { readonly [Code in ErrorCode]?: (facts: FactsOf<Code>) => string };
}

/** The terms of a program that calls the library. */
export const LIBRARY: Shell = {
  argument: (name) => name,
  given: (name, value) => `${name}: ${JSON.stringify(value)}`,
  hints: {},
};

/** An error without its class and stack, as it goes through JSON. */
export interface Described {
  readonly code: ErrorCode;
  readonly facts: Facts;
}

const readerOf = (shell: Shell): Reader => ({
  ...shell,
  // Facts of a fact were made by `described`.
  sentence: (error) => errorSentence(error as Described, shell),
  hint: (error) => errorHint(error as Described, shell),
});

/** The sentence of an error in a shell's terms. */
export function errorSentence({ code, facts }: Described, shell: Shell): string {
  return wordingOf(code).says(facts, readerOf(shell));
}

/** What the reader can do about it, in a shell's terms. */
export function errorHint({ code, facts }: Described, shell: Shell): string {
  const own = shell.hints[code] as ((facts: Facts) => string) | undefined;
  return own === undefined ? wordingOf(code).hint(facts, readerOf(shell)) : own(facts);
}

// The constructor of an error took the facts that belong to its code.
const wordingOf = (code: ErrorCode): Wording<Facts> => CATALOGUE[code];
