import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { ModelError } from '../errors/attune-error.js';
import { FLOAT_BYTES, isFloatType, toHostOrder, widen } from './float-formats.js';
import type { FloatType } from './float-formats.js';
import { elementCount } from './parameters.js';
import { LENGTH_BYTES, headerLength, parseHeader } from './safetensors-header.js';
import type { SafetensorsHeader, TensorInfo } from './safetensors-header.js';
import type { NumberArray } from './safetensors-writer.js';

/**
 * Bytes read at a time; bounds what reading needs beside the tensor itself, and stays in the processor's
 * caches.
 */
const CHUNK_BYTES = 2 ** 19;

/** A part of a tensor. */
export interface TensorPiece {
  /** Place of its first number in the tensor, row-major. */
  readonly offset: number;
  readonly values: Float32Array;
}

/**
 * A safetensors file open for random access: the header is in memory, tensors are read one by one when asked
 * for.
 */
export class SafetensorsFile {
  #scratch: { readonly bytes: Uint8Array<ArrayBuffer>; readonly values: Float32Array } | undefined;

  readonly #handle: FileHandle;
  readonly #header: SafetensorsHeader;

  private constructor(
    readonly path: string,
    handle: FileHandle,
    header: SafetensorsHeader,
  ) {
    this.#handle = handle;
    this.#header = header;
  }

  /** @throws ModelError if the file cannot be read or its header is not sound */
  static async open(path: string): Promise<SafetensorsFile> {
    let handle: FileHandle;
    try {
      handle = await open(path, 'r');
    } catch (cause) {
      const { message: reason } = cause as Error;
      throw new ModelError('file-unreadable', { file: path, reason }, { cause });
    }
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) throw new ModelError('safetensors-not-file', { file: path });
      const first = await readBytes(handle, 0, Math.min(LENGTH_BYTES, stat.size), path);
      const length = headerLength(first, stat.size, path);
      const header = parseHeader(await readBytes(handle, LENGTH_BYTES, length, path), stat.size, path);
      return new SafetensorsFile(path, handle, header);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Every tensor of the file, also those of types that cannot be read as float32. */
  get tensors(): ReadonlyMap<string, TensorInfo> {
    return this.#header.tensors;
  }

  get metadata(): ReadonlyMap<string, string> {
    return this.#header.metadata;
  }

  /**
   * A tensor's numbers, row-major, as float32.
   *
   * @throws ModelError if there is no such tensor, it is not of floating point (F32, F16, BF16, F64), or
   *   the file ends too early
   */
  async read(name: string): Promise<Float32Array> {
    const values = new Float32Array(elementCount(this.#readable(name).shape));
    for await (const piece of this.pieces(name)) values.set(piece.values, piece.offset);
    return values;
  }

  /**
   * A tensor's numbers piece by piece: beside what the caller keeps, memory holds one piece. Its `values` are
   * overwritten by the next.
   *
   * @throws as `read` does
   */
  async *pieces(name: string): AsyncGenerator<TensorPiece> {
    const { dtype, begin, end } = this.#readable(name);
    // Tensors are read one after the other: the memory of one serves the next. Whoever reads two at once has
    // two.
    const scratch = this.#scratch ?? {
      bytes: new Uint8Array(CHUNK_BYTES),
      values: new Float32Array(CHUNK_BYTES / 2),
    };
    this.#scratch = undefined;
    try {
      for (let position = begin; position < end; position += CHUNK_BYTES) {
        const bytes = scratch.bytes.subarray(0, Math.min(CHUNK_BYTES, end - position));
        await readInto(this.#handle, bytes, position, this.path);
        widen(dtype, bytes, scratch.values, 0);
        yield {
          offset: (position - begin) / FLOAT_BYTES[dtype],
          values: scratch.values.subarray(0, bytes.length / FLOAT_BYTES[dtype]),
        };
      }
    } finally {
      this.#scratch = scratch;
    }
  }

  #readable(name: string): TensorInfo & { readonly dtype: FloatType } {
    const tensor = this.#header.tensors.get(name);
    if (!tensor) throw new ModelError('tensor-missing', { file: this.path, tensor: name });
    const { dtype } = tensor;
    if (!isFloatType(dtype)) {
      const known = Object.keys(FLOAT_BYTES);
      throw new ModelError('tensor-type-unsupported', { file: this.path, tensor: name, dtype, known });
    }
    return { ...tensor, dtype };
  }

  /**
   * A tensor's numbers as they are stored: F32, F64 or I32.
   *
   * @throws ModelError if there is no such tensor, it is of another type, or the file ends too early
   */
  async readExact(name: string): Promise<NumberArray> {
    const tensor = this.#header.tensors.get(name);
    if (!tensor) throw new ModelError('tensor-missing', { file: this.path, tensor: name });
    const { dtype, begin, end } = tensor;
    if (dtype !== 'F32' && dtype !== 'F64' && dtype !== 'I32')
      throw new ModelError('tensor-type-unexpected', {
        file: this.path,
        tensor: name,
        dtype,
        known: ['F32', 'F64', 'I32'],
      });
    const bytes = await readBytes(this.#handle, begin, end - begin, this.path);
    toHostOrder(bytes, dtype === 'F64' ? 8 : 4);
    switch (dtype) {
      case 'F32':
        return new Float32Array(bytes.buffer);
      case 'F64':
        return new Float64Array(bytes.buffer);
      case 'I32':
        return new Int32Array(bytes.buffer);
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

async function readBytes(
  handle: FileHandle,
  position: number,
  length: number,
  path: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  await readInto(handle, bytes, position, path);
  return bytes;
}

async function readInto(
  handle: FileHandle,
  bytes: Uint8Array,
  position: number,
  path: string,
): Promise<void> {
  const { length } = bytes;
  for (let done = 0; done < length;) {
    const { bytesRead } = await handle.read(bytes, done, length - done, position + done);
    // Its size said otherwise a moment ago: somebody is writing to it.
    if (bytesRead === 0) throw new ModelError('safetensors-shrank', { file: path, byte: position + done });
    done += bytesRead;
  }
}
