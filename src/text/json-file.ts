import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ModelError } from '../errors/attune-error.js';
import { plain } from '../errors/phrases/values.js';
import { requirePlainFile } from '../files.js';
import { parseJson } from '../json/syntax.js';

export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The bytes of `dir/name`, or undefined where there is no such file. Any other failure to read is a
 * ModelError.
 */
export async function readIfPresent(dir: string, name: string): Promise<Buffer | undefined> {
  const file = join(dir, name);
  try {
    await requirePlainFile(file);
    return await readFile(file);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ModelError('file-unreadable', { file, reason }, { cause: error });
  }
}

/** The text of a UTF-8 file without its byte order mark; ModelError where it is not UTF-8. */
export function decodeUtf8(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ModelError('model-file-not-utf8', { file }, { cause });
  }
}

/** The object in a JSON file; ModelError where the text is not JSON or not an object. */
export function parseJsonObject(bytes: Uint8Array, file: string): JsonObject {
  const parsed = parseJson(decodeUtf8(bytes, file));
  if ('error' in parsed) {
    const { line, column, message: reason } = parsed.error;
    throw new ModelError('model-file-broken-json', { file, line, column, reason });
  }
  const { value } = parsed;
  if (!isJsonObject(value)) throw new ModelError('model-file-not-object', { file, found: plain(value) });
  return value;
}
