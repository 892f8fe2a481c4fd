/**
 * Writes report.html. What draws it is loaded when it is first needed, because a command that draws nothing
 * should not wait for it.
 */
import { basename, join, resolve } from 'node:path';
import type { Comparison } from '../compare/comparison.js';
import { OutputFolder } from '../train/output-folder.js';
import type { LogRecord } from '../train/records.js';
import { REPORT_FILE } from '../train/run-names.js';

/**
 * The page of a comparison, as one self-contained file.
 *
 * @param dir folder that is there
 * @returns path of report.html in it
 * @throws AttuneError `output-dir-unwritable`, `file-unwritable`; UsageError `output-dir-holds-foreign`
 */
export async function writeReport(dir: string, comparison: Comparison): Promise<string> {
  const { comparisonDocument } = await import('./document.js');
  return write(dir, comparisonDocument(comparison));
}

/** The same for a training run alone: its learning curves and evaluations. @throws as `writeReport` */
export async function writeRunReport(dir: string, history: readonly LogRecord[]): Promise<string> {
  const { runDocument } = await import('./document.js');
  return write(dir, runDocument(basename(resolve(dir)), history));
}

async function write(dir: string, contents: string): Promise<string> {
  const output = await OutputFolder.open(dir);
  try {
    await output.prepare({ mode: 'add', makes: [REPORT_FILE] });
    await output.write(REPORT_FILE, contents);
  } finally {
    await output.close();
  }
  return join(dir, REPORT_FILE);
}
