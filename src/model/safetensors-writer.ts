import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AttuneError } from '../errors.js';
import { PARTIAL, syncFolder } from '../files.js';
import { float32Bytes } from './float-formats.js';
import { elementCount } from './parameters.js';
import { LENGTH_BYTES } from './safetensors-header.js';

export interface NamedShape {
  readonly name: string;
  readonly shape: readonly number[];
}

/**
 * Writes float32 tensors as a safetensors file, one after another: only one is held in memory. The bytes are those that the safetensors library
 * writes: tensors sorted by the UTF-8 of their names, the header padded with spaces to 8 bytes.
 *
 * The file appears whole or not at all: it is written beside `path`, flushed to the disk and renamed.
 *
 * @param read gives the numbers of a tensor, row-major; called once for each, in the order of the file
 * @param metadata transformers refuses files that do not say `format: pt`
 * @returns SHA-256 of the file's bytes, in hexadecimal
 * @throws AttuneError where the file cannot be written; whatever `read` throws
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly NamedShape[],
  read: (name: string) => Float32Array | Promise<Float32Array>,
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): Promise<string> {
  const sorted = [...tensors].sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}${PARTIAL}`);
  const hash = createHash('sha256');
  let handle: FileHandle | undefined;
  try {
    handle = await open(temporary, 'w').catch(explain(path));
    await writeAll(handle, encodeHeader(sorted, metadata), path, hash);
    for (const { name, shape } of sorted) {
      const values = await read(name);
      if (values.length !== elementCount(shape)) {
        throw new RangeError(`tensor ${name} has ${values.length} numbers, but its shape is [${shape.join(', ')}]`);
      }
      await writeAll(handle, float32Bytes(values), path, hash);
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
  const entries = sorted.map(({ name, shape }): [string, unknown] => {
    const begin = offset;
    offset += 4 * elementCount(shape);
    return [name, { dtype: 'F32', shape, data_offsets: [begin, offset] }];
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
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done).catch(explain(path));
    done += bytesWritten;
  }
}

function explain(path: string): (cause: unknown) => never {
  return (cause) => {
    throw new AttuneError(`cannot write ${path}: ${(cause as Error).message}`, { cause });
  };
}
