/** Values of any kind in sentences. */
import type { Plain } from '../wording.js';

/** A value as a sentence shows it: as JSON, cut short. */
export function shown(value: unknown): string {
  const text = textOf(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** The same for what was to be a number: the texts of `factNumber` go without quotes. */
export const shownNumber = (value: Plain): string =>
  value === 'NaN' || value === 'Infinity' || value === '-Infinity' ? value : shown(value);

function textOf(value: unknown): string {
  if (value === undefined || typeof value === 'bigint' || typeof value === 'number') return String(value);
  return jsonOf(value) ?? (typeof value === 'object' ? 'a value that holds itself' : `a ${typeof value}`);
}

/** A number as a fact: those that JSON does not have are text. */
export type FactNumber = number | 'NaN' | 'Infinity' | '-Infinity';

export const factNumber = (value: number): FactNumber =>
  Number.isFinite(value) ? value : (String(value) as FactNumber);

/** A value as a fact: as JSON has it, an integer beyond 2^53 rounded; what JSON cannot hold by its type. */
export function plain(value: unknown): Plain {
  if (typeof value === 'bigint') return factNumber(Number(value));
  if (typeof value === 'number') return factNumber(value);
  if (value === undefined) return value;
  const json = jsonOf(value);
  return json === undefined ? typeof value : (JSON.parse(json) as Plain);
}

/** Undefined for a function, a symbol, and what holds itself. */
function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}
