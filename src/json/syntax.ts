/**
 * Where a text stops being JSON (RFC 8259). JSON.parse decides whether it is; its messages differ between
 * versions of Node and many do not say where, so this finds the place and says what was expected there.
 */
export interface JsonSyntaxError {
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** What is wrong there, in lower case, without the place. */
  readonly message: string;
}

export type JsonResult = { readonly value: unknown } | { readonly error: JsonSyntaxError };

/**
 * No file that attune reads needs more; what walks a value, JSON.stringify too, overflows the stack on some
 * ten thousand.
 */
const DEEPEST = 512;

/** Position of the bracket that opens the level beyond DEEPEST; undefined where there is none. */
function tooDeepAt(text: string): number | undefined {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === 0x22) {
      for (i++; i < text.length && text.charCodeAt(i) !== 0x22; i++) if (text.charCodeAt(i) === 0x5c) i++;
    } else if (unit === 0x5b || unit === 0x7b) {
      if (++depth > DEEPEST) return i;
    } else if (unit === 0x5d || unit === 0x7d) depth--;
  }
  return undefined;
}

const TOO_DEEP = `nested more than ${DEEPEST} levels deep`;

/**
 * The value of a text that is JSON, for whom the place of a mistake does not matter.
 *
 * @throws SyntaxError if it is not, or is nested too deeply to be worked with
 */
export function jsonValue(text: string): unknown {
  if (tooDeepAt(text) !== undefined) throw new SyntaxError(TOO_DEEP);
  return JSON.parse(text);
}

/** Parses a text; a leading byte order mark is allowed, as editors on Windows write one. */
export function parseJson(text: string): JsonResult {
  const body = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const deep = tooDeepAt(body);
  if (deep !== undefined) return { error: placed(body, deep, TOO_DEEP) };
  try {
    return { value: JSON.parse(body) as unknown };
  } catch (error) {
    return {
      error: locate(body) ?? {
        line: 1,
        column: 1,
        message: error instanceof Error ? error.message : String(error),
      },
    };
  }
}

class Fault extends Error {
  constructor(
    readonly at: number,
    message: string,
  ) {
    super(message);
  }
}

function locate(text: string): JsonSyntaxError | undefined {
  try {
    const end = skipSpace(text, value(text, skipSpace(text, 0)));
    if (end < text.length)
      throw new Fault(end, `there is more after the end of the value: ${shown(text, end)}`);
    return undefined;
  } catch (fault) {
    if (!(fault instanceof Fault)) return undefined; // e.g. nested too deeply for the stack
    return placed(text, fault.at, fault.message);
  }
}

function placed(text: string, at: number, message: string): JsonSyntaxError {
  const before = text.slice(0, at).split(/\r\n|\r|\n/);
  return { line: before.length, column: before.at(-1)!.length + 1, message };
}

function skipSpace(text: string, at: number): number {
  while (at < text.length && ' \t\r\n'.includes(text[at])) at++;
  return at;
}

/** Position after the value that begins at `at`. */
function value(text: string, at: number): number {
  switch (text[at]) {
    case '{':
      return members(text, at, '}', (start) => {
        if (text[start] !== '"')
          throw new Fault(start, `expected a property name in double quotes, found ${shown(text, start)}`);
        const colon = skipSpace(text, string(text, start));
        if (text[colon] !== ':')
          throw new Fault(colon, `expected ":" after the property name, found ${shown(text, colon)}`);
        return value(text, skipSpace(text, colon + 1));
      });
    case '[':
      return members(text, at, ']', (start) => value(text, start));
    case '"':
      return string(text, at);
    default: {
      const literal = /^(?:true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)/.exec(
        text.slice(at, at + 400),
      );
      if (!literal) throw new Fault(at, `expected a value, found ${shown(text, at)}`);
      return at + literal[0].length;
    }
  }
}

function members(text: string, open: number, close: string, member: (start: number) => number): number {
  let at = skipSpace(text, open + 1);
  if (text[at] === close) return at + 1;
  for (;;) {
    at = skipSpace(text, member(at));
    if (text[at] === close) return at + 1;
    if (text[at] !== ',') throw new Fault(at, `expected "," or "${close}", found ${shown(text, at)}`);
    const comma = at;
    at = skipSpace(text, at + 1);
    if (text[at] === close) throw new Fault(comma, `a comma before "${close}" is not allowed`);
  }
}

function string(text: string, open: number): number {
  for (let at = open + 1; at < text.length; at++) {
    const unit = text[at];
    if (unit === '"') return at + 1;
    if (unit < ' ')
      throw new Fault(
        at,
        unit === '\n' || unit === '\r'
          ? 'a string runs past the end of its line'
          : 'a string contains an unescaped control character',
      );
    if (unit === '\\') {
      if (!/^\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/.test(text.slice(at, at + 6)))
        throw new Fault(at, 'a string contains an unknown escape');
      at++;
    }
  }
  throw new Fault(open, 'a string is not closed');
}

function shown(text: string, at: number): string {
  if (at >= text.length) return 'the end of the text';
  return JSON.stringify(String.fromCodePoint(text.codePointAt(at)!));
}
