/** What an argument accepts, as a fact and in words. */

/** What an argument accepts: of its entry in a table, what its check goes by. */
export type Accepted =
  | { readonly kind: 'boolean' }
  | { readonly kind: 'string'; readonly bare?: true }
  | { readonly kind: 'enum'; readonly choices: readonly string[] }
  | { readonly kind: 'steps'; readonly zero: boolean }
  | {
      readonly kind: 'integer' | 'number';
      readonly min?: number;
      readonly above?: number;
      readonly max?: number;
      readonly below?: number;
    };

/** What an argument accepts, e.g. "a number, at least 0 and below 1". */
export function describeRange(accepted: Accepted): string {
  switch (accepted.kind) {
    case 'boolean':
      return 'true or false';
    case 'string':
      return accepted.bare ? 'a non-empty string, or true' : 'a non-empty string';
    case 'enum':
      return `one of ${accepted.choices.join(', ')}`;
    case 'steps':
      return (
        `a whole number of steps, at least ${accepted.zero ? 0 : 1}, ` +
        'or a fraction of all steps, above 0 and below 1'
      );
    case 'integer':
    case 'number': {
      const { kind, min, above, max, below } = accepted;
      const bounds = [
        min === undefined ? undefined : `at least ${min}`,
        above === undefined ? undefined : `above ${above}`,
        max === undefined ? undefined : `at most ${max}`,
        below === undefined ? undefined : `below ${below}`,
      ].filter((bound) => bound !== undefined);
      const what = kind === 'integer' ? 'a whole number' : 'a number';
      return bounds.length === 0 ? what : `${what}, ${bounds.join(' and ')}`;
    }
  }
}
