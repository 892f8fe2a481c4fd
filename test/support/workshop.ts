/** What a process that was killed leaves in an output folder, until the next one looks. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { RECORD_FILE } from '#attune/train/output-record.js';

const isWorkshop = (name: string): boolean => name.startsWith('.attune-') && name !== RECORD_FILE;
const namesOf = (dir: string): string[] => (existsSync(dir) ? readdirSync(dir) : []);

/** Paths of locks, of files in part and of what lies in the workshop, in a folder and those in it. */
export const leftovers = (dir: string): string[] =>
  (readdirSync(dir, { recursive: true }) as string[]).filter((path) => path.split(/[\\/]/).some(isWorkshop) || /lock|partial/.test(path));

/** Names of what is being written there. */
export function beingWritten(dir: string): string[] {
  const operations = namesOf(dir).filter(isWorkshop).flatMap((workshop) => namesOf(join(dir, workshop)).map((operation) => join(workshop, operation)));
  return operations.filter((path) => !/(replaced|removed)$/.test(path)).flatMap((path) => namesOf(join(dir, path)));
}

/** Names of folders whose place a new one was about to take. */
export const beingReplaced = (dir: string): string[] =>
  namesOf(dir).filter(isWorkshop).flatMap((workshop) => namesOf(join(dir, workshop, 'replaced'))).map((name) => decodeURIComponent(name));
