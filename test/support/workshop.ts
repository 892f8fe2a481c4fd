/** What a process that was killed leaves in an output folder, until the next one looks. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { RECORD_FILE } from '#attune/train/output-record.js';

const isWorkshop = (name: string): boolean => name.startsWith('.attune-') && name !== RECORD_FILE;

/** Names in a folder; none where it is missing, is none, or goes while one looks. */
function namesOf(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

/** Paths of locks, of files in part and of what lies in the workshop, in a folder and those in it. */
export const leftovers = (dir: string): string[] =>
  (readdirSync(dir, { recursive: true }) as string[]).filter(
    (path) => path.split(/[\\/]/).some(isWorkshop) || /lock|partial/.test(path),
  );

/** Names in a part of the workshop. */
function inWorkshop(dir: string, part: 'new' | 'replaced'): string[] {
  const operations = namesOf(dir)
    .filter(isWorkshop)
    .flatMap((workshop) => namesOf(join(dir, workshop)).map((operation) => join(dir, workshop, operation)));
  return operations
    .flatMap((operation) => namesOf(join(operation, part)))
    .map((name) => decodeURIComponent(name));
}

/** Names of what is being written there. */
export const beingWritten = (dir: string): string[] => inWorkshop(dir, 'new');

/** Names of folders whose place a new one was about to take. */
export const beingReplaced = (dir: string): string[] => inWorkshop(dir, 'replaced');
