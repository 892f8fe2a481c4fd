/** Writes report.html. What draws it is loaded when it is first needed, because a command that draws nothing should not wait for it. */
import { basename, join, resolve } from 'node:path';
import type { Comparison } from '../compare/comparison.js';
import { writeWhole } from '../files.js';
import type { LogRecord } from '../train/records.js';

export const REPORT_FILE = 'report.html';

/**
 * The page of a comparison, as one self-contained file.
 *
 * @param dir folder that is there
 * @returns path of report.html in it
 * @throws AttuneError where it cannot be written
 */
export async function writeReport(dir: string, comparison: Comparison): Promise<string> {
  const { comparisonDocument } = await import('./document.js');
  return write(dir, comparisonDocument(comparison));
}

/** The same for a training run alone: its learning curves and evaluations. */
export async function writeRunReport(dir: string, history: readonly LogRecord[]): Promise<string> {
  const { runDocument } = await import('./document.js');
  return write(dir, runDocument(basename(resolve(dir)), history));
}

async function write(dir: string, contents: string): Promise<string> {
  const path = join(dir, REPORT_FILE);
  await writeWhole(path, contents);
  return path;
}
