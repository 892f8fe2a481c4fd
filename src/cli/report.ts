import { join } from 'node:path';
import type { Command } from 'commander';
import { AttuneError, DataError, UsageError } from '../errors/attune-error.js';
import { described } from '../errors/wording.js';
import { readPlainFile } from '../files.js';
import { parseComparison } from '../report/comparison-file.js';
import { writeReport, writeRunReport } from '../report/page.js';
import { parseTrainerState } from '../train/state.js';
import { withDefaults } from '../train/argument-table.js';
import { REPORT_OPTIONS } from './command-options.js';
import { givenOptions } from './command-arguments.js';
import type { CliContext } from './context.js';

const COMPARISON = 'comparison.json';
const STATE = 'trainer_state.json';

/** `attune report DIR` */
export async function report(command: Command, { terminal, results }: CliContext): Promise<void> {
  const options = withDefaults(REPORT_OPTIONS, givenOptions(command, REPORT_OPTIONS));
  const [dir] = command.args;
  const path = (await comparisonReport(dir)) ?? (await runReport(dir));
  if (path === undefined)
    throw new UsageError('report-source-missing', { folder: dir, files: [COMPARISON, STATE] });
  terminal.print('Open it in a browser; it needs no network.');
  if (options.json) results.record('report', { path });
  else results.line(path);
}

async function comparisonReport(dir: string): Promise<string | undefined> {
  const file = join(dir, COMPARISON);
  const text = await contentsOf(file);
  return text === undefined ? undefined : writeReport(dir, await parseComparison(text, file));
}

async function runReport(dir: string): Promise<string | undefined> {
  const file = join(dir, STATE);
  const text = await contentsOf(file);
  if (text === undefined) return undefined;
  const { log_history: history } = parseState(text, file);
  if (history.length === 0) throw new DataError('log-history-empty', { file });
  return writeRunReport(dir, history);
}

/** undefined where there is no such file. */
async function contentsOf(file: string): Promise<string | undefined> {
  try {
    return await readPlainFile(file);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new AttuneError('report-source-unreadable', { file, reason: message }, { cause });
  }
}

function parseState(text: string, file: string): ReturnType<typeof parseTrainerState> {
  try {
    return parseTrainerState(text, file);
  } catch (error) {
    // Its hint is for those who resume.
    if (error instanceof AttuneError)
      throw new DataError('report-source-damaged', { file, error: described(error) }, { cause: error });
    throw error;
  }
}
