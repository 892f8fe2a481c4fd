import { readFileSync } from 'node:fs';

export const fixtureText = (name: string): string =>
  readFileSync(new URL(`../fixtures/trainer/${name}`, import.meta.url), 'utf8');

/** Golden data of transformers' Trainer, of the type that the caller expects. */
export const fixture = <T>(name: string): T => JSON.parse(fixtureText(name)) as T;
