/**
 * Class names that differ, though a reader takes them for one: by case, by white space, by characters nobody
 * sees, or by another code of the same letter.
 */

/** Soft hyphen, zero-width spaces and non-joiner, directional marks, byte order mark. */
const MARKS = /[\u00ad\u061c\u180e\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]/u;
/** A zero-width joiner behind an emoji shows: it makes another one of two. */
const JOINER = /(?<![\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f])\u200d/u;
const INVISIBLE = new RegExp(`${MARKS.source}|${JOINER.source}`, 'gu');

/** Equal for names that look alike. */
export const appearance = (name: string): string =>
  name.replace(INVISIBLE, '').replace(/\s+/g, ' ').trim().toLowerCase().normalize('NFC');

/** In quotes, with all but ASCII escaped, so that names that look alike can be told apart. */
export const escaped = (name: string): string =>
  JSON.stringify(name).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** A hint for a name that is none of the classes but looks like one of them. */
export function lookAlikeHint(name: string, names: readonly string[]): string | undefined {
  const seen = appearance(name);
  const other = names.find((each) => appearance(each) === seen);
  return other === undefined
    ? undefined
    : `It looks like the class ${escaped(other)}, but is ${escaped(name)}. Write it the same way everywhere.`;
}
