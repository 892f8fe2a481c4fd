/**
 * JSON as Python's `json.dumps` writes it, so that files of ours and of transformers can be compared byte for
 * byte. Python tells floats from integers (1.0 and 1) and JavaScript does not: a value that is a float in
 * Python is wrapped in `float()`; a plain number prints as an integer where it is one, else as a float.
 */
export class PythonFloat {
  constructor(readonly value: number) {}
}

export type PythonValue =
  | null
  | boolean
  | number
  | string
  | PythonFloat
  | readonly PythonValue[]
  | { readonly [key: string]: PythonValue };

export function float(value: number): PythonFloat;
export function float(value: number | null): PythonFloat | null;
export function float(value: number | null): PythonFloat | null {
  return value === null ? null : new PythonFloat(value);
}

/**
 * A float as Python's `repr` prints it: the shortest digits that read back as the same double (as in
 * JavaScript), a ".0" where there is no fraction, and an exponent of at least two digits below 1e-4 and from
 * 1e16 on.
 */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity';
  if (Object.is(value, -0)) return '-0.0';
  const magnitude = Math.abs(value);
  if (value !== 0 && (magnitude < 1e-4 || magnitude >= 1e16)) {
    const [digits, exponent] = value.toExponential().split('e') as [string, string];
    return `${digits}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`;
  }
  // Between 1e-4 and 1e16 JavaScript uses no exponent either (it starts at 1e-7 and 1e21).
  const text = String(value);
  return text.includes('.') ? text : `${text}.0`;
}

export interface DumpOptions {
  /** Spaces a level; without it everything is on one line with ", " and ": ". */
  readonly indent?: number;
  readonly sortKeys?: boolean;
}

/** `json.dumps(value, indent=…, sort_keys=…)`, with Python's default of escaping everything outside ASCII. */
export function dumps(value: PythonValue, options: DumpOptions = {}): string {
  return dump(value, options, 0);
}

function dump(value: PythonValue, options: DumpOptions, level: number): string {
  if (value === null) return 'null';
  if (value instanceof PythonFloat) return pythonFloat(value.value);
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : pythonFloat(value);
  if (typeof value === 'string') return quote(value);
  if (isArray(value)) {
    return enclose(
      '[',
      value.map((item) => dump(item, options, level + 1)),
      ']',
      options,
      level,
    );
  }
  const keys = Object.keys(value);
  if (options.sortKeys) keys.sort();
  return enclose(
    '{',
    keys.map((key) => `${quote(key)}: ${dump(value[key], options, level + 1)}`),
    '}',
    options,
    level,
  );
}

function enclose(
  open: string,
  items: readonly string[],
  close: string,
  { indent }: DumpOptions,
  level: number,
): string {
  if (items.length === 0) return open + close;
  if (indent === undefined) return open + items.join(', ') + close;
  const outer = ' '.repeat(indent * level);
  const inner = outer + ' '.repeat(indent);
  return `${open}\n${inner}${items.join(`,\n${inner}`)}\n${outer}${close}`;
}

/**
 * JSON.stringify escapes quotes, backslashes and control characters the same way; Python escapes DEL and what
 * is outside ASCII too.
 */
function quote(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function isArray(
  value: readonly PythonValue[] | { readonly [key: string]: PythonValue },
): value is readonly PythonValue[] {
  return Array.isArray(value);
}
