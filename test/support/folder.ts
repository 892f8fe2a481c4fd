import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { RECORD_FILE } from '#attune/train/output-record.js';

/** A new temporary folder with the given files, removed when the test ends. */
export function folder(t: TestContext, files: Readonly<Record<string, string | Uint8Array>> = {}): string {
  const dir = mkdtempSync(join(tmpdir(), 'attune-test-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  for (const [name, contents] of Object.entries(files)) writeFileSync(join(dir, name), contents);
  return dir;
}

/** Sorted names of what is in an output folder, but the record of it. */
export const namesIn = (dir: string): string[] =>
  readdirSync(dir)
    .filter((name) => name !== RECORD_FILE)
    .sort();
