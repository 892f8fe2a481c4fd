/** Folders and repositories with small datasets. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import type { DataRepository } from '#attune/data/repository.js';
import { folder } from '../support/folder.js';
import { parquetBytes } from '../support/parquet.js';

export const csv = (...labels: (number | string)[]) =>
  `text,label\n${labels.map((label, i) => `text ${i},${label}\n`).join('')}`;
export const parquet = (...labels: number[]) =>
  parquetBytes([
    { name: 'text', data: labels.map((_, i) => `text ${i}`) },
    { name: 'label', data: Int32Array.from(labels) },
  ]);

/** A temporary folder with files that may lie in subfolders. */
export function tree(t: TestContext, files: Readonly<Record<string, string | Uint8Array>>): string {
  const dir = folder(t);
  for (const [path, contents] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), contents);
  }
  return dir;
}

/** The same files as a repository on the Hub, which lists the files that were fetched. */
export function remote(
  t: TestContext,
  files: Readonly<Record<string, string | Uint8Array>>,
  converted?: DataRepository,
): DataRepository & { fetched: string[] } {
  const dir = tree(t, files);
  const fetched: string[] = [];
  return {
    name: 'owner/rows',
    fetched,
    list: () => Promise.resolve(Object.keys(files).sort()),
    fetch: (path) => {
      fetched.push(path);
      return Promise.resolve(join(dir, path));
    },
    converted: () => Promise.resolve(converted),
  };
}
