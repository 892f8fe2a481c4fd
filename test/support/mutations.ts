/** Damage to files, drawn from a seed: of bytes, and of JSON values. */
import type { Random } from './random.js';

const WORDS = [
  'null',
  'true',
  '-1',
  '0',
  '1e999',
  '-0',
  '0.1',
  '9007199254740993',
  '4294967296',
  '1e308',
  '"',
  '""',
  '"\\ud800"',
  '"__proto__"',
  '{}',
  '[]',
  '[[[[[[[[',
  '{"a":',
  ',',
  ':',
  '\\',
  '\u0000',
  '\ufeff',
  '\ufffd',
  '\u202e',
  '../../../etc/passwd',
  '\r\n',
  '\n\n',
  '<|endoftext|>',
  '\u00ff',
  'NaN',
  'Infinity',
];

/**
 * `bytes` with one to four changes: bits flipped, ranges cut, doubled or overwritten, words put in, the end
 * cut off.
 */
export function mutateBytes(bytes: Uint8Array, random: Random): Uint8Array {
  let result = Buffer.from(bytes);
  for (let change = random.integer(1, 4); change > 0; change--) {
    const at = random.integer(0, Math.max(0, result.length - 1));
    const end = Math.min(result.length, at + 2 ** random.integer(0, 8));
    const before = result.subarray(0, at);
    switch (random.integer(0, 7)) {
      case 0:
        if (result.length > 0) result[at] ^= 1 << random.integer(0, 7);
        break;
      case 1:
        if (result.length > 0) result[at] = random.integer(0, 255);
        break;
      case 2:
        result = Buffer.concat([before, result.subarray(end)]);
        break;
      case 3:
        result = Buffer.concat([result.subarray(0, end), result.subarray(at)]);
        break;
      case 4:
        result = Buffer.from(before);
        break;
      case 5:
        result = Buffer.concat([
          before,
          Buffer.from(WORDS[random.integer(0, WORDS.length - 1)]),
          result.subarray(random.integer(0, 1) === 0 ? at : end),
        ]);
        break;
      case 6:
        result.fill(random.integer(0, 255), at, end);
        break;
      default: {
        const from = random.integer(0, Math.max(0, result.length - 1));
        result = Buffer.concat([before, result.subarray(from, from + (end - at)), result.subarray(end)]);
      }
    }
  }
  return result;
}

/** Any JSON value, small ones mostly. */
export function anyJson(random: Random, depth = 0): unknown {
  switch (random.integer(0, depth > 3 ? 6 : 9)) {
    case 0:
      return null;
    case 1:
      return random.integer(0, 1) === 0;
    case 2:
      return random.integer(-2, 300);
    case 3:
      return [1e-300, 1e300, -1, 0.5, 2 ** 53, 2 ** 31, -0, 1e21, 4294967296][random.integer(0, 8)];
    case 4:
      return [
        '',
        ' ',
        'a',
        '\u0000',
        '\ud800',
        '__proto__',
        'constructor',
        '../x',
        'é',
        '\u202e',
        '<|endoftext|>',
        'x'.repeat(300),
      ][random.integer(0, 11)];
    case 5:
      return String(random.integer(-5, 1e9));
    case 6:
      return [[], {}][random.integer(0, 1)];
    case 7:
      return Array.from({ length: random.integer(1, 4) }, () => anyJson(random, depth + 1));
    default:
      return Object.fromEntries(
        Array.from({ length: random.integer(1, 3) }, () => [
          String(anyJson(random, 9)),
          anyJson(random, depth + 1),
        ]),
      );
  }
}

/** A copy of a JSON value with one part replaced, removed, renamed or added. */
export function mutateJson(value: unknown, random: Random): unknown {
  if (typeof value !== 'object' || value === null || random.integer(0, 30) === 0) return anyJson(random);
  if (Array.isArray(value)) {
    const copy: unknown[] = [...(value as unknown[])];
    const at = random.integer(0, Math.max(0, copy.length - 1));
    if (copy.length === 0 || random.integer(0, 5) === 0) copy.splice(at, 0, anyJson(random));
    else if (random.integer(0, 4) === 0) copy.splice(at, 1);
    else copy[at] = mutateJson(copy[at], random);
    return copy;
  }
  const entries = Object.entries(value);
  const at = random.integer(0, Math.max(0, entries.length - 1));
  if (entries.length === 0 || random.integer(0, 7) === 0)
    entries.push([String(anyJson(random, 9)), anyJson(random)]);
  else if (random.integer(0, 5) === 0) entries.splice(at, 1);
  else if (random.integer(0, 9) === 0) entries[at] = [String(anyJson(random, 9)), entries[at][1]];
  else entries[at] = [entries[at][0], mutateJson(entries[at][1], random)];
  return Object.fromEntries(entries);
}

/** The file's bytes mutated, or, for JSON, its value now and then. */
export function mutateFile(bytes: Uint8Array, random: Random): Uint8Array {
  if (random.integer(0, 1) === 0) return mutateBytes(bytes, random);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return mutateBytes(bytes, random);
  }
  for (let change = random.integer(1, 3); change > 0; change--) value = mutateJson(value, random);
  return Buffer.from(JSON.stringify(value) ?? 'null');
}
