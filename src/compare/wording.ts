/** Numbers, times and sizes as sentences, tables and charts of a comparison show them. */

export const MISSING = '–';

/** An optimism of the highest F1 below this is not worth a word. */
export const LEAST_OPTIMISM = 0.0005;

/** 0.873 */
export const fixed = (value: number | null, digits = 3): string =>
  value === null
    ? MISSING
    : value
        .toFixed(digits)
        .replace(/^-(0\.?0*)$/, '$1')
        .replace('-', '−');

/** +0.021 or −0.021 */
export const signed = (value: number, digits = 3): string =>
  fixed(value, digits).startsWith('−') || Number(value.toFixed(digits)) === 0
    ? fixed(value, digits)
    : `+${fixed(value, digits)}`;

export const percent = (value: number, digits = 0): string => `${fixed(100 * value, digits)}\u00a0%`;

/** Digits in groups of three, with a space that does not break. */
export const grouped = (value: number): string =>
  String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, '\u202f');

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
export const counted = (count: number, noun: string): string =>
  `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;

/** "a, b and c" */
export function listed(words: readonly string[], joint = 'and'): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} ${joint} ${words.at(-1)!}`;
}

/** Rounded up to two significant digits. */
export function about(count: number): string {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(count)) - 1);
  return grouped(Math.ceil(count / unit) * unit);
}
