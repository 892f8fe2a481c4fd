/** A temporary folder for all tests of a file. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { writeData, writeTinyModel } from './cli.js';

/** Its path. `prepare` fills it before the tests, beginning at once; the folder is removed after them. */
export function workspace(prepare: (dir: string) => void | Promise<void>): string {
  const dir = mkdtempSync(join(tmpdir(), 'attune-test-'));
  before(() => prepare(dir));
  after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** One with a tiny model in `model` and rows in `data`, for the command line. */
export function modelAndData(writeModel: (dir: string) => Promise<void> = writeTinyModel): string {
  return workspace(async (dir) => {
    await writeModel(join(dir, 'model'));
    writeData(join(dir, 'data'));
  });
}
