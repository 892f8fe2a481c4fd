/**
 * Class names that differ, though a reader takes them for one: by case, by white space, by characters nobody
 * sees, or by another code of the same letter.
 */
import type { Notice } from '../errors/notices.js';
import { notice } from '../errors/notices.js';
import { dumps } from '../json/python.js';

/** Soft hyphen, zero-width spaces and non-joiner, directional marks, byte order mark. */
const MARKS = /[\u00ad\u061c\u180e\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]/u;
/** A zero-width joiner behind an emoji shows: it makes another one of two. */
const JOINER = /(?<![\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f])\u200d/u;
const INVISIBLE = new RegExp(`${MARKS.source}|${JOINER.source}`, 'gu');

/** Equal for names that look alike. */
const appearance = (name: string): string =>
  name.replace(INVISIBLE, '').replace(/\s+/g, ' ').trim().toLowerCase().normalize('NFC');

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

/** A hint for a name that is none of the classes but looks like one of them. */
export function lookAlikeHint(name: string, names: readonly string[]): string | undefined {
  const seen = appearance(name);
  const other = names.find((each) => appearance(each) === seen);
  return other === undefined
    ? undefined
    : `It looks like the class ${dumps(other)}, but is ${dumps(name)}. Write it the same way everywhere.`;
}
