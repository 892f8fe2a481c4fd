// The two tables of a byte-level BPE tokenizer: token -> id, and the merges in order of rank. Both are
// checked here, because a table with a hole or a merge that leads nowhere would otherwise surface as a wrong
// id deep inside a run.
import { ModelError } from '../errors/attune-error.js';
import { decodeUtf8, isJsonObject } from './json-file.js';

export type Vocabulary = Readonly<Record<string, number>>;
export type Merge = readonly [left: string, right: string];

/**
 * Checks that `value` maps tokens to ids that are non-negative integers and occur once each. `where` names
 * the file and field.
 */
export function checkVocabulary(value: unknown, where: string): Vocabulary {
  if (!isJsonObject(value)) throw new ModelError(`${where}: is not an object of tokens and their ids`);
  const vocabulary: [string, number][] = [];
  const tokenOfId = new Map<number, string>();
  for (const [token, id] of Object.entries(value)) {
    if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 0) {
      throw new ModelError(
        `${where}: the id of token ${JSON.stringify(token)} is ${JSON.stringify(id)}, not an integer from 0 up`,
      );
    }
    const other = tokenOfId.get(id);
    if (other !== undefined) {
      throw new ModelError(
        `${where}: tokens ${JSON.stringify(other)} and ${JSON.stringify(token)} have the same id ${id}`,
      );
    }
    tokenOfId.set(id, token);
    vocabulary.push([token, id]);
  }
  if (vocabulary.length === 0) throw new ModelError(`${where}: the vocabulary is empty`);
  return Object.fromEntries(vocabulary);
}

/** Checks that the ids of all tokens together are 0 to n - 1: a hole is a token that was lost. */
export function checkContiguous(ids: Iterable<number>, where: string): void {
  const present = new Set(ids);
  for (let id = 0; id < present.size; id++) {
    if (!present.has(id)) {
      const highest = [...present].reduce((a, b) => Math.max(a, b));
      throw new ModelError(
        `${where}: ids are not contiguous: the highest is ${highest}, but no token has id ${id}`,
        {
          hint: 'The vocabulary is incomplete; fetch the file again.',
        },
      );
    }
  }
}

/** The merges of a merges.txt: one pair a line, parted by one space, after an optional `#version` line. */
export function parseMerges(bytes: Uint8Array, file: string, vocabulary: Vocabulary): Merge[] {
  const merges: Merge[] = [];
  for (const [i, raw] of decodeUtf8(bytes, file).split('\n').entries()) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    if (line === '' || (i === 0 && line.startsWith('#version'))) continue;
    merges.push(checkMerge(line.split(' '), `${file}:${i + 1}`, vocabulary));
  }
  return merges;
}

/** The merges of a tokenizer.json: `"left right"` strings (older files) or pairs. */
export function checkMerges(value: unknown, where: string, vocabulary: Vocabulary): Merge[] {
  if (!Array.isArray(value)) throw new ModelError(`${where}: is not an array of merges`);
  return value.map((merge: unknown, i) =>
    checkMerge(typeof merge === 'string' ? merge.split(' ') : merge, `${where}[${i}]`, vocabulary),
  );
}

function checkMerge(parts: unknown, where: string, vocabulary: Vocabulary): Merge {
  if (!Array.isArray(parts) || parts.length !== 2) throw malformed(parts, where);
  const [left, right] = parts as unknown[]; // Array.isArray narrows unknown to any[]
  if (typeof left !== 'string' || typeof right !== 'string' || left === '' || right === '')
    throw malformed(parts, where);
  for (const token of [left, right, left + right]) {
    if (!Object.hasOwn(vocabulary, token)) {
      throw new ModelError(
        `${where}: the merge of ${JSON.stringify(left)} and ${JSON.stringify(right)} ` +
          `needs token ${JSON.stringify(token)}, which is not in the vocabulary`,
        { hint: 'Merges and vocabulary must come from the same tokenizer.' },
      );
    }
  }
  return [left, right];
}

function malformed(parts: unknown, where: string): ModelError {
  const found =
    Array.isArray(parts) && parts.every((part) => typeof part === 'string') ? parts.join(' ') : parts;
  return new ModelError(
    `${where}: malformed merge ${JSON.stringify(found)}; expected two tokens parted by one space`,
  );
}
