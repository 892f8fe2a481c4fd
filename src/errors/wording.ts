/** What the entries of the catalogue are made of. */
import type { Shell } from './shell.js';

/** What a fact may be: plain data, which goes through JSON and from one thread to another. */
export type Plain =
  string | number | boolean | null | undefined | readonly Plain[] | { readonly [name: string]: Plain };

/** The facts of an error or a notice, by name. */
export type Facts = Readonly<Record<string, Plain>>;

/** What an error says of itself, and what to do about it. */
export interface Wording<F extends Facts> {
  /** What is wrong and where (file, line, field, tensor), without a full stop at its end. */
  says(facts: F, shell: Shell): string;
  /** What to do about it: one or two sentences. */
  hint(facts: F, shell: Shell): string;
}

/** An entry of the catalogue, with the type of its facts. */
export const worded = <F extends Facts>(wording: Wording<F>): Wording<F> => wording;
