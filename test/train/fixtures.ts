import { readFileSync } from 'node:fs';

export const fixtureText = (name: string): string =>
  readFileSync(new URL(`../fixtures/trainer/${name}`, import.meta.url), 'utf8');

/** A golden file of the reference Trainer; the caller says what it holds. */
export const fixture = <T>(name: string): T => JSON.parse(fixtureText(name)) as T;
