/** Values of any kind in sentences. */
import type { Plain } from '../wording.js';

/** A value as a sentence shows it: as JSON, cut short. */
export function shown(value: unknown): string {
  const text =
    typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value))
      ? String(value)
      : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** A value as a fact: as JSON has it, an integer beyond 2^53 rounded. */
export function plain(value: unknown): Plain {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'number' || value === undefined) return value;
  const json = JSON.stringify(value) as string | undefined;
  return json === undefined ? typeof value : (JSON.parse(json) as Plain);
}
