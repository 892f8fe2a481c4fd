/** Notices of class names that differ, though a reader takes them for one. */
import type { Notice } from '../errors/notices.js';
import { notice } from '../errors/notices.js';
import { appearance } from '../errors/phrases/look-alikes.js';

/** Which of the names look alike; nothing if none do. */
export function lookAlikeNotes(names: readonly string[]): readonly Notice[] {
  const first = new Map<string, string>();
  const pairs: [string, string][] = [];
  for (const name of names) {
    const seen = appearance(name);
    const other = first.get(seen);
    if (other === undefined) first.set(seen, name);
    else pairs.push([other, name]);
  }
  return pairs.length === 0 ? [] : [notice('classes-look-alike', { pairs })];
}
