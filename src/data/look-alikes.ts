/** Class names that differ, though a reader takes them for one: by case, by white space, by characters nobody sees, or by another code of the same letter. */

/** Equal for names that look alike. */
function appearance(name: string): string {
  const visible = name.normalize('NFKC').replace(/[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Cc}]/gu, '');
  return visible.toLowerCase().normalize('NFKC').replace(/\s+/g, ' ').trim();
}

/** In JSON, with what looks alike told apart: all but ASCII is escaped, by UTF-16 unit. */
const spelt = (name: string): string => JSON.stringify(name).replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

const MOST_PAIRS = 3;

/** Says which of the names look alike; undefined where none do. */
export function lookAlikeNote(names: readonly string[]): string | undefined {
  const first = new Map<string, string>();
  const pairs: string[] = [];
  for (const name of names) {
    const seen = appearance(name);
    const other = first.get(seen);
    if (other === undefined) first.set(seen, name);
    else pairs.push(`${spelt(other)} and ${spelt(name)}`);
  }
  if (pairs.length === 0) return undefined;
  return `classes that look alike are different ones: ${pairs.slice(0, MOST_PAIRS).join(', ')}${pairs.length > MOST_PAIRS ? `, … (${pairs.length} pairs)` : ''}`;
}

/** A hint for a name that is none of the classes but looks like one of them. */
export function lookAlikeHint(name: string, names: readonly string[]): string | undefined {
  const other = names.find((each) => appearance(each) === appearance(name));
  return other === undefined ? undefined : `It looks like the class ${spelt(other)}, but is ${spelt(name)}. Write it the same way everywhere.`;
}
