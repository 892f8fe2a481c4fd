/** What the entries of the catalogue are made of. */
import type { Shell } from './shell.js';

/**
 * What a fact may be: plain data, which goes through JSON and from one thread to another. Numbers that may not
 * be finite are `FactNumber`.
 */
export type Plain =
  string | number | boolean | null | undefined | readonly Plain[] | { readonly [name: string]: Plain };

/** The facts of an error or a notice, by name. */
export type Facts = Readonly<Record<string, Plain>>;

/** An error that is a fact of another one. */
export type InnerError = { readonly code: string; readonly facts: Facts };

export const described = ({ code, facts }: InnerError): InnerError => ({ code, facts });

/** A shell, and the words that it has for an inner error. */
export interface Reader extends Shell {
  readonly sentence: (error: InnerError) => string;
  readonly hint: (error: InnerError) => string;
}

/** What an error says of itself, and what to do about it. */
export interface Wording<F extends Facts> {
  /** What is wrong and where (file, line, field, tensor), without a full stop at its end. */
  says(facts: F, shell: Reader): string;
  /** What to do about it: one or two sentences. */
  hint(facts: F, shell: Reader): string;
}

/** An entry of the catalogue, with the type of its facts. */
export const worded = <F extends Facts>(wording: Wording<F>): Wording<F> => wording;
