/**
 * One pattern out of parts that follow each other, for one that is too long for a line. Its flags are those of
 * the first part.
 */
export function pattern(...parts: readonly [RegExp, ...RegExp[]]): RegExp {
  return new RegExp(parts.map(({ source }) => source).join(''), parts[0].flags);
}
