/** Numbers, times and sizes as the page shows them. */
import { allowedText } from './markup.js';

export const MISSING = '–';

/** 0.873 */
export const fixed = (value: number | null, digits = 3): string => (value === null ? MISSING : value.toFixed(digits).replace(/^-(0\.?0*)$/, '$1').replace('-', '−'));

/** +0.021 or −0.021 */
export const signed = (value: number, digits = 3): string => (fixed(value, digits).startsWith('−') || Number(value.toFixed(digits)) === 0 ? fixed(value, digits) : `+${fixed(value, digits)}`);

export const percent = (value: number, digits = 0): string => `${fixed(100 * value, digits)}\u00a0%`;

/** p = 0.03, p < 0.001; it does not break. */
export const pValue = (p: number): string => (p < 0.001 ? 'p\u00a0<\u00a00.001' : `p\u00a0=\u00a0${p < 0.1 ? p.toFixed(3) : p.toFixed(2)}`);

/** Digits in groups of three, with a space that does not break. */
export const grouped = (value: number): string => String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, '\u202f');

/** About three significant digits, without exponent. */
export function significant(value: number, digits = 3): string {
  if (value === 0) return '0';
  const before = Math.floor(Math.log10(Math.abs(value))) + 1;
  if (before >= digits) return grouped(value);
  return String(Number(value.toFixed(Math.min(12, digits - before))));
}

/** 0.02 ms, 31 ms, 1.4 s, 2 min 25 s */
export function duration(seconds: number): string {
  if (seconds < 1) return `${significant(1000 * seconds, 2)} ms`;
  if (seconds < 100) return `${significant(seconds, 2)} s`;
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${whole % 60} s`;
}

/** 812 B, 1.2 kB, 55.6 MB, 1.1 GB: decimal, as disks count. */
export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${significant(value)} ${units[unit]}`;
}

/** "3 rows", "1 row" */
export const counted = (count: number, noun: string): string => `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;

/** At most `length` characters, the rest as an ellipsis. */
export function shortened(text: string, length: number): string {
  const characters = [...text];
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('').trimEnd()}…`;
}

/** A text for a chart: one line of what XML allows, at most `length` characters. */
export const oneLine = (text: string, length: number): string => shortened(allowedText(text).replace(/\s+/gu, ' '), length);

/** "a, b and c" */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)!}`;
}
