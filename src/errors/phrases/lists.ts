/** Lists in sentences, cut short. */
import { shown } from './values.js';

/** Names without quotes, the first of many. */
export const shortList = (names: readonly string[]): string => cut(names, 10);

/** Names of classes in quotes, the first of many. */
export const listed = (names: readonly string[]): string => cut(names, 12, shown);

function cut(names: readonly string[], most: number, show = (name: string) => name): string {
  const more = names.length > most ? `, … (${names.length} in all)` : '';
  return names.slice(0, most).map(show).join(', ') + more;
}
