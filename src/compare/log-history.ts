/** The log of the run that made a model: what its trainer_state.json holds as `log_history`. */
import { join } from 'node:path';
import { readPlainFile } from '../files.js';
import { parseJson } from '../json/syntax.js';
import type { LogRecord } from '../train/records.js';
import { isLogRecord } from '../train/state.js';

/**
 * The log entries of a model's folder that can be shown; none if it has no trainer_state.json that can be read.
 * transformers' Trainer also logs under prefixes of the caller's (`test_loss`, `eval_a_loss`) and whatever a
 * callback gives it: such entries are left out, and so are values that are not numbers.
 */
export async function logHistory(dir: string): Promise<readonly LogRecord[]> {
  const text = await readPlainFile(join(dir, 'trainer_state.json')).catch(() => undefined);
  const parsed = text === undefined ? undefined : parseJson(text);
  if (!parsed || 'error' in parsed) return [];
  const { log_history: history } = (parsed.value ?? {}) as { readonly log_history?: unknown };
  return Array.isArray(history) ? history.map(numbersOf).filter(isLogRecord) : [];
}

const numbersOf = (entry: unknown): unknown =>
  Object.fromEntries(
    Object.entries(entry ?? {}).filter(([, value]) => typeof value === 'number' || value === null),
  );
