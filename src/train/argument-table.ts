/**
 * Tables of named arguments: one entry says everything about an argument, and its TypeScript type, its check,
 * its command line option and its help are derived from it. Names are camelCase in the table; kebab-case and
 * snake_case name the same argument.
 */
import { UsageError } from '../errors/attune-error.js';
import type { Accepted } from '../errors/phrases/arguments.js';
import { plain } from '../errors/phrases/values.js';

interface Described {
  /** One line for --help. */
  readonly description: string;
  /** Heading in --help. */
  readonly group: string;
  /** Other names it is known by, in camelCase. */
  readonly aliases?: readonly string[];
}

interface Range {
  /** Smallest value allowed. */
  readonly min?: number;
  /** The value must be greater than this. */
  readonly above?: number;
  /** Largest value allowed. */
  readonly max?: number;
  /** The value must be less than this. */
  readonly below?: number;
}

export interface NumberSpec extends Described, Range {
  readonly kind: 'integer' | 'number';
  readonly default: number | undefined;
}

/** A number of steps, or a fraction of the run's steps, below 1. */
export interface StepsSpec extends Described {
  readonly kind: 'steps';
  readonly default: number | undefined;
  /** Whether 0 is allowed. */
  readonly zero: boolean;
}

export interface BooleanSpec extends Described {
  readonly kind: 'boolean';
  readonly default: boolean | undefined;
}

export interface StringSpec extends Described {
  readonly kind: 'string';
  readonly default: string | undefined;
  /** What stands for the value in --help, e.g. DIR. */
  readonly placeholder: string;
  /** May be given without a value, which is then `true`. */
  readonly bare?: true;
}

export interface EnumSpec extends Described {
  readonly kind: 'enum';
  readonly choices: readonly string[];
  readonly default: string | undefined;
}

export type ArgumentSpec = NumberSpec | StepsSpec | BooleanSpec | StringSpec | EnumSpec;
export type ArgumentTable = Readonly<Record<string, ArgumentSpec>>;

type ValueOf<S extends ArgumentSpec> = S extends { kind: 'boolean' }
  ? boolean
  : S extends { kind: 'string'; bare: true }
    ? string | true
    : S extends { kind: 'string' }
      ? string
      : S extends { kind: 'enum'; choices: readonly (infer Choice)[] }
        ? Choice
        : number;

/** The values of a table with every default filled in; arguments without a default may be undefined. */
export type Resolved<T extends ArgumentTable> = {
  readonly [K in keyof T]: ValueOf<T[K]> | (undefined extends T[K]['default'] ? undefined : never);
};

/** Values a caller gives; what is left out or undefined takes its default. */
export type Given<T extends ArgumentTable> = { readonly [K in keyof T]?: ValueOf<T[K]> | undefined };

export const kebabCase = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
export const snakeCase = (name: string): string => kebabCase(name).replaceAll('-', '_');

/**
 * The table's own name for a name in any of the three spellings, or of an alias; undefined where the table
 * has none.
 */
export function argumentName<T extends ArgumentTable>(
  table: T,
  spelled: string,
): (keyof T & string) | undefined {
  return names(table).get(spelled);
}

const spellings = new WeakMap<ArgumentTable, ReadonlyMap<string, string>>();

function names<T extends ArgumentTable>(table: T): ReadonlyMap<string, keyof T & string> {
  let known = spellings.get(table);
  if (!known) {
    const map = new Map<string, string>();
    for (const [name, spec] of Object.entries(table)) {
      for (const alias of [name, ...(spec.aliases ?? [])]) {
        for (const spelling of [alias, kebabCase(alias), snakeCase(alias)]) map.set(spelling, name);
      }
    }
    known = map;
    spellings.set(table, known);
  }
  return known;
}

/**
 * Checks values given under any spelling and returns them under the table's own names.
 *
 * @param file that the values come from, for messages
 * @throws UsageError `argument-unknown`, `argument-invalid`, `argument-given-twice`
 */
export function checkGiven<T extends ArgumentTable>(
  table: T,
  values: Readonly<Record<string, unknown>>,
  file?: string,
): Given<T> {
  const given: Record<string, string | number | boolean> = {};
  const spelledAs = new Map<string, string>();
  for (const [spelled, value] of Object.entries(values)) {
    if (value === undefined) continue;
    const name = argumentName(table, spelled);
    if (name === undefined) {
      const known = spellingsLike(table, spelled);
      throw new UsageError('argument-unknown', { argument: spelled, file, known });
    }
    const checked = checkValue(table[name], value, spelled, file);
    const before = spelledAs.get(name);
    if (before !== undefined && given[name] !== checked) {
      throw new UsageError('argument-given-twice', { arguments: [before, spelled], file });
    }
    spelledAs.set(name, spelled);
    given[name] = checked;
  }
  return given as Given<T>; // every key was looked up in the table and every value checked against its spec
}

/** Candidates for a suggestion, in the style of spelling the user used. */
function spellingsLike(table: ArgumentTable, spelled: string): string[] {
  const style = styleOf(spelled);
  return Object.entries(table).flatMap(([name, spec]) => [name, ...(spec.aliases ?? [])].map(style));
}

function styleOf(spelled: string): (name: string) => string {
  if (spelled.includes('_')) return snakeCase;
  return spelled.includes('-') ? kebabCase : (name) => name;
}

/**
 * `value` as the argument's own type. Numbers are not taken from strings here: see `parseText`.
 *
 * @param argument its name as it was spelled
 * @param file that the value comes from, for messages
 */
export function checkValue(
  spec: ArgumentSpec,
  value: unknown,
  argument: string,
  file?: string,
): string | number | boolean {
  if (accepts(spec, value)) return value;
  throw new UsageError('argument-invalid', {
    argument,
    file,
    accepts: acceptedBy(spec),
    given: plain(value),
  });
}

const CHECKED: ReadonlySet<string> = new Set([
  'kind',
  'bare',
  'choices',
  'zero',
  'min',
  'above',
  'max',
  'below',
]);

/** What of an entry its check goes by. */
const acceptedBy = (spec: ArgumentSpec): Accepted =>
  Object.fromEntries(Object.entries(spec).filter(([name]) => CHECKED.has(name))) as Accepted;

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['false', false],
]);

/** The value that a word on the command line stands for. */
export function parseText(spec: ArgumentSpec, text: string, argument: string): string | number | boolean {
  let value: unknown = text;
  if (spec.kind === 'boolean') value = BOOLEANS.get(text.toLowerCase()) ?? text;
  else if (
    spec.kind !== 'string' &&
    spec.kind !== 'enum' &&
    /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text.trim())
  )
    value = Number(text);
  return checkValue(spec, value, argument);
}

function accepts(spec: ArgumentSpec, value: unknown): value is string | number | boolean {
  switch (spec.kind) {
    case 'boolean':
      return typeof value === 'boolean';
    case 'string':
      return (typeof value === 'string' && value !== '') || (spec.bare === true && value === true);
    case 'enum':
      return typeof value === 'string' && spec.choices.includes(value);
    case 'steps':
      return (
        typeof value === 'number' &&
        ((Number.isSafeInteger(value) && value >= (spec.zero ? 0 : 1)) || (value > 0 && value < 1))
      );
    case 'integer':
      return Number.isSafeInteger(value) && inRange(spec, value as number);
    case 'number':
      return typeof value === 'number' && Number.isFinite(value) && inRange(spec, value);
  }
}

function inRange({ min, above, max, below }: Range, value: number): boolean {
  return !(
    (min !== undefined && value < min) ||
    (above !== undefined && value <= above) ||
    (max !== undefined && value > max) ||
    (below !== undefined && value >= below)
  );
}

/** Defaults of a table, overridden by what is given. */
export function withDefaults<T extends ArgumentTable>(table: T, given: Given<T>): Resolved<T> {
  const values = Object.fromEntries(
    Object.entries(table).map(([name, spec]) => [name, given[name] ?? spec.default]),
  );
  return values as Resolved<T>; // one entry for each of the table's names, of the spec's type
}
