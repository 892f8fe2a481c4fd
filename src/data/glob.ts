/**
 * Patterns of file names as dataset cards have them: `*` and `?` within a folder, `[…]` one character, `**`
 * any folders. They come from strangers, so matching takes time in proportion to pattern times name; a
 * regular expression of eight stars can take ages on a name made for it.
 */
type Part = '*' | '?' | { readonly one: string } | { readonly of: RegExp };

/**
 * Whether a path (relative, with `/`) matches. A dot at the beginning of a name is nothing special; braces
 * and brackets other than `[…]` stand for themselves.
 */
export function globMatcher(pattern: string): (path: string) => boolean {
  const folders = pattern.split('/').map((segment) => (segment === '**' ? '**' : parse(segment)));
  return (path) =>
    wildMatch(
      folders,
      path.split('/'),
      (part) => part === '**',
      (part, name) => part !== '**' && wildMatch(part, [...name], (each) => each === '*', matchesOne),
    );
}

/**
 * Matches items against parts, of which `any` stands for any number of items. Only the last `any` met has to
 * be tried again with more: what the ones before it took was as little as could be.
 */
function wildMatch<P, I>(
  parts: readonly P[],
  items: readonly I[],
  isAny: (part: P) => boolean,
  matches: (part: P, item: I) => boolean,
): boolean {
  let [part, item] = [0, 0];
  let [lastAny, itemAtAny] = [-1, 0];
  while (item < items.length) {
    if (part < parts.length && isAny(parts[part])) [lastAny, itemAtAny, part] = [part, item, part + 1];
    else if (part < parts.length && matches(parts[part], items[item])) [part, item] = [part + 1, item + 1];
    else if (lastAny >= 0) [part, item, itemAtAny] = [lastAny + 1, itemAtAny + 1, itemAtAny + 1];
    else return false;
  }
  while (part < parts.length && isAny(parts[part])) part++;
  return part === parts.length;
}

function matchesOne(part: Part, character: string): boolean {
  if (part === '?' || part === '*') return true;
  return 'one' in part ? part.one === character : part.of.test(character);
}

function parse(segment: string): Part[] {
  const parts: Part[] = [];
  const characters = [...segment];
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i];
    if (character === '*' || character === '?') {
      if (!(character === '*' && parts.at(-1) === '*')) parts.push(character);
      continue;
    }
    // A ] that comes first is one of the characters.
    const negated = character === '[' && (characters[i + 1] === '!' || characters[i + 1] === '^');
    const first = i + (negated ? 2 : 1);
    const end = character === '[' ? characters.indexOf(']', first + 1) : -1;
    if (end < 0) {
      parts.push({ one: character });
      continue;
    }
    parts.push({ of: classOf(characters.slice(first, end), negated) });
    i = end;
  }
  return parts;
}

function classOf(characters: readonly string[], negated: boolean): RegExp {
  let source = '';
  for (let i = 0; i < characters.length; i++) {
    const from = escaped(characters[i]);
    const to = characters[i + 1] === '-' && i + 2 < characters.length ? characters[i + 2] : undefined;
    if (to === undefined) source += from;
    else {
      // A range the wrong way round is empty.
      if (characters[i].codePointAt(0)! <= to.codePointAt(0)!) source += `${from}-${escaped(to)}`;
      i += 2;
    }
  }
  return new RegExp(`^[${negated ? '^' : ''}${source}]$`, 'us');
}

const escaped = (character: string): string => `\\u{${character.codePointAt(0)!.toString(16)}}`;
