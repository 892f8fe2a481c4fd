/** The log of the run that made a model: what its trainer_state.json holds as `log_history`. */
import { join } from 'node:path';
import { ModelError } from '../errors.js';
import { readPlainFile } from '../files.js';
import { parseJson } from '../json/syntax.js';
import type { LogRecord } from '../train/records.js';
import { isLogHistory, LOG_HISTORY } from '../train/state.js';

/**
 * The log entries of a model's folder; none if it has no trainer_state.json.
 *
 * @throws ModelError if what that holds as `log_history` is something else
 */
export async function logHistory(dir: string): Promise<readonly LogRecord[]> {
  const file = join(dir, 'trainer_state.json');
  const text = await readPlainFile(file).catch(() => undefined);
  const parsed = text === undefined ? undefined : parseJson(text);
  if (!parsed || 'error' in parsed) return [];
  const { log_history: history } = (parsed.value ?? {}) as { readonly log_history?: unknown };
  if (history === undefined) return [];
  if (!isLogHistory(history))
    throw new ModelError(`${file}: "log_history" must be ${LOG_HISTORY}`, {
      hint: 'The file is damaged, or no Trainer wrote it. Remove it to compare without the log of the run.',
    });
  return history;
}
