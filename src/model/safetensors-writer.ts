import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AttuneError } from '../errors/attune-error.js';
import { partialPath, syncFolder } from '../files.js';
import { littleEndianBytes } from './float-formats.js';
import { elementCount } from './parameters.js';
import { LENGTH_BYTES } from './safetensors-header.js';

export interface NamedShape {
  readonly name: string;
  readonly shape: readonly number[];
  /** F32 where it is not given. */
  readonly dtype?: NumberType;
}

/** What can be written, and as what it is read back. */
export type NumberType = 'F32' | 'F64' | 'I32';
export type NumberArray = Float32Array | Float64Array | Int32Array;
const BYTES: Readonly<Record<NumberType, number>> = { F32: 4, F64: 8, I32: 4 };

/** The dtype of an array's numbers. */
export function numberType(values: NumberArray): NumberType {
  if (values instanceof Float32Array) return 'F32';
  return values instanceof Float64Array ? 'F64' : 'I32';
}

/**
 * Writes tensors as a safetensors file, one after another: only one is held in memory. The bytes are those
 * that the safetensors library writes: tensors sorted by the UTF-8 of their names, the header padded with
 * spaces to 8 bytes.
 *
 * The file appears whole or not at all: it is written beside `path`, flushed to the disk and renamed.
 *
 * @param read gives the numbers of a tensor, row-major; called once for each, in the order of the file
 * @param metadata transformers refuses files that do not say `format: pt`
 * @returns SHA-256 of the file's bytes, in hexadecimal
 * @throws AttuneError if the file cannot be written; whatever `read` throws
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly NamedShape[],
  read: (name: string) => NumberArray | Promise<NumberArray>,
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): Promise<string> {
  const sorted = [...tensors].sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  const temporary = partialPath(path);
  const hash = createHash('sha256');
  let handle: FileHandle | undefined;
  try {
    handle = await open(temporary, 'wx').catch(explain(path));
    await writeAll(handle, encodeHeader(sorted, metadata), path, hash);
    for (const { name, shape, dtype = 'F32' } of sorted) {
      const values = await read(name);
      if (values.length !== elementCount(shape)) {
        throw new RangeError(
          `tensor ${name} has ${values.length} numbers, but its shape is [${shape.join(', ')}]`,
        );
      }
      if (numberType(values) !== dtype)
        throw new RangeError(`tensor ${name} holds ${numberType(values)}, but was announced as ${dtype}`);
      await writeAll(handle, littleEndianBytes(values), path, hash);
    }
    await handle.sync().catch(explain(path));
    await handle.close();
    handle = undefined;
    await rename(temporary, path).catch(explain(path));
  } catch (error) {
    // What went wrong first is what is told, also where cleaning up fails for the same reason.
    await handle?.close().catch(() => undefined);
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(path));
  return hash.digest('hex');
}

function encodeHeader(sorted: readonly NamedShape[], metadata: Readonly<Record<string, string>>): Uint8Array {
  let offset = 0;
  const entries = sorted.map(({ name, shape, dtype = 'F32' }): [string, unknown] => {
    const begin = offset;
    offset += BYTES[dtype] * elementCount(shape);
    return [name, { dtype, shape, data_offsets: [begin, offset] }];
  });
  const header = Object.fromEntries([['__metadata__', metadata], ...entries]);
  const json = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(LENGTH_BYTES + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(bytes.length - LENGTH_BYTES), true);
  bytes.set(json, LENGTH_BYTES);
  return bytes;
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, path: string, hash: Hash): Promise<void> {
  hash.update(bytes);
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, done).catch(explain(path));
    done += bytesWritten;
  }
}

function explain(path: string): (cause: unknown) => never {
  return (cause) => {
    throw new AttuneError('file-unwritable', { path, reason: (cause as Error).message }, { cause });
  };
}
