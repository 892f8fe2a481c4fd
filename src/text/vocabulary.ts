// The two tables of a byte-level BPE tokenizer: token -> id, and the merges in order of rank. Both are
// checked here, because a table with a hole or a merge that leads nowhere would otherwise surface as a wrong
// id deep inside a run.
import { ModelError } from '../errors/attune-error.js';
import type { FieldPlace } from '../errors/phrases/places.js';
import { plain } from '../errors/phrases/values.js';
import { decodeUtf8, isJsonObject } from './json-file.js';

export type Vocabulary = Readonly<Record<string, number>>;
export type Merge = readonly [left: string, right: string];

/**
 * Checks that `value` maps tokens to ids that are non-negative integers and occur once each.
 */
export function checkVocabulary(value: unknown, place: FieldPlace): Vocabulary {
  if (!isJsonObject(value)) throw new ModelError('vocabulary-not-object', place);
  const vocabulary: [string, number][] = [];
  const tokenOfId = new Map<number, string>();
  for (const [token, id] of Object.entries(value)) {
    if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 0)
      throw new ModelError('token-id-invalid', { ...place, token, id: plain(id) });
    const other = tokenOfId.get(id);
    if (other !== undefined)
      throw new ModelError('token-id-shared', { ...place, tokens: [other, token], id });
    tokenOfId.set(id, token);
    vocabulary.push([token, id]);
  }
  if (vocabulary.length === 0) throw new ModelError('vocabulary-empty', place);
  return Object.fromEntries(vocabulary);
}

/** Checks that the ids of all tokens together are 0 to n - 1: a hole is a token that was lost. */
export function checkContiguous(ids: Iterable<number>, place: FieldPlace): void {
  const present = new Set(ids);
  for (let id = 0; id < present.size; id++) {
    if (!present.has(id)) {
      const highest = [...present].reduce((a, b) => Math.max(a, b));
      throw new ModelError('vocabulary-gap', { ...place, highest, missing: id });
    }
  }
}

/** The merges of a merges.txt: one pair a line, parted by one space, after an optional `#version` line. */
export function parseMerges(bytes: Uint8Array, file: string, vocabulary: Vocabulary): Merge[] {
  const merges: Merge[] = [];
  for (const [i, raw] of decodeUtf8(bytes, file).split('\n').entries()) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    if (line === '' || (i === 0 && line.startsWith('#version'))) continue;
    merges.push(checkMerge(line.split(' '), { file, line: i + 1 }, vocabulary));
  }
  return merges;
}

/** The merges of a tokenizer.json: `"left right"` strings (older files) or pairs. */
export function checkMerges(
  value: unknown,
  place: { readonly file: string; readonly field: string },
  vocabulary: Vocabulary,
): Merge[] {
  if (!Array.isArray(value)) throw new ModelError('merges-not-list', place);
  return value.map((merge: unknown, i) =>
    checkMerge(
      typeof merge === 'string' ? merge.split(' ') : merge,
      { ...place, field: `${place.field}[${i}]` },
      vocabulary,
    ),
  );
}

function checkMerge(parts: unknown, place: FieldPlace, vocabulary: Vocabulary): Merge {
  if (!Array.isArray(parts) || parts.length !== 2) throw malformed(parts, place);
  const [left, right] = parts as unknown[]; // Array.isArray narrows unknown to any[]
  if (typeof left !== 'string' || typeof right !== 'string' || left === '' || right === '')
    throw malformed(parts, place);
  for (const token of [left, right, left + right]) {
    if (!Object.hasOwn(vocabulary, token))
      throw new ModelError('merge-token-unknown', { ...place, left, right, token });
  }
  return [left, right];
}

function malformed(parts: unknown, place: FieldPlace): ModelError {
  const found =
    Array.isArray(parts) && parts.every((part) => typeof part === 'string') ? parts.join(' ') : parts;
  return new ModelError('merge-malformed', { ...place, found: plain(found) });
}
