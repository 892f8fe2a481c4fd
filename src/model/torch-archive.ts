/**
 * A file of torch.save: a zip archive, not compressed, with a pickle (data.pkl) that describes tensors and an
 * entry of raw numbers for each storage. Tensors are read one at a time; every byte read is checked against
 * the archive's CRC-32.
 *
 *   NAME/data.pkl   NAME/byteorder   NAME/version   NAME/data/0   NAME/data/1   …
 */
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import CRC32 from 'crc-32';
import { fromRandomAccessReaderPromise, RandomAccessReader } from 'yauzl';
import type { Entry, ZipFile } from 'yauzl';
import { ModelError } from '../errors/attune-error.js';
import { FLOAT_BYTES, widen } from './float-formats.js';
import type { FloatType } from './float-formats.js';
import { elementCount } from './parameters.js';
import { readPickle } from './pickle.js';
import type { Pickled, PickledTensor } from './pickle.js';

const DTYPES: Readonly<Partial<Record<string, FloatType>>> = {
  FloatStorage: 'F32',
  DoubleStorage: 'F64',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
};
/** The pickle holds names and shapes only. */
const MAX_PICKLE_BYTES = 64 * 2 ** 20;

export class TorchArchive {
  readonly #zip: ZipFile;
  readonly #file: FileHandle;
  readonly #entries: ReadonlyMap<string, Entry>;

  private constructor(
    readonly path: string,
    zip: ZipFile,
    file: FileHandle,
    entries: ReadonlyMap<string, Entry>,
    /** What was saved, its tensors described only. */
    readonly value: Pickled,
  ) {
    this.#zip = zip;
    this.#file = file;
    this.#entries = entries;
  }

  /**
   * @throws ModelError if the file is no archive of torch.save that holds only tensors and plain values
   */
  static async open(path: string): Promise<TorchArchive> {
    let zip: ZipFile;
    let file: FileHandle | undefined;
    try {
      file = await open(path);
      const { size } = await file.stat();
      zip = await fromRandomAccessReaderPromise(new FileReader(file, size), size, {
        autoClose: false,
        lazyEntries: true,
      });
    } catch (cause) {
      await file?.close();
      throw notAnArchive(path, cause);
    }
    try {
      const entries = new Map<string, Entry>();
      for await (const entry of zip.eachEntry()) entries.set(entry.fileName.replace(/^[^/]*\//, ''), entry);
      const pickle = entries.get('data.pkl');
      if (!pickle) throw new ModelError('torch-file-without-pickle', { file: path });
      if (pickle.uncompressedSize > MAX_PICKLE_BYTES)
        throw new ModelError('torch-file-pickle-size', { file: path, bytes: pickle.uncompressedSize });
      const order = entries.get('byteorder');
      if (order && Buffer.from(await readEntry(zip, order, path)).toString('latin1') !== 'little')
        throw new ModelError('torch-file-big-endian', { file: path });
      return new TorchArchive(path, zip, file, entries, readPickle(await readEntry(zip, pickle, path), path));
    } catch (error) {
      await file.close();
      throw error instanceof ModelError ? error : notAnArchive(path, error);
    }
  }

  /**
   * A tensor's numbers as float32, row-major.
   *
   * @throws ModelError if they are not of floating point or not contiguous, or the archive is damaged
   */
  async read(tensor: PickledTensor): Promise<Float32Array> {
    const { storage } = tensor;
    const place = { file: this.path, tensor: `data/${tensor.key}` };
    const dtype = DTYPES[storage];
    if (!dtype) throw new ModelError('torch-tensor-type', { ...place, storage });
    const entry = this.#entries.get(place.tensor);
    if (!entry) throw new ModelError('torch-tensor-missing', place);
    const count = elementCount(tensor.shape);
    if (!isContiguous(tensor)) throw new ModelError('torch-tensor-not-contiguous', place);
    const size = FLOAT_BYTES[dtype];
    if (
      !(tensor.offset + count <= tensor.storageLength) ||
      tensor.storageLength * size !== entry.uncompressedSize
    )
      throw new ModelError('torch-tensor-size', place);
    const bytes = await readEntry(this.#zip, entry, this.path);
    const values = new Float32Array(count);
    widen(dtype, bytes.slice(tensor.offset * size, (tensor.offset + count) * size), values, 0);
    return values;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/**
 * yauzl's own reader hands places beyond 2^53, as a damaged archive may name them, to the file system in a
 * callback, where what that throws ends the process.
 */
class FileReader extends RandomAccessReader {
  readonly #file: FileHandle;
  readonly #size: number;

  constructor(file: FileHandle, size: number) {
    super();
    this.#file = file;
    this.#size = size;
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    const bytes =
      position >= 0 && position <= this.#size
        ? this.#file.read(buffer, offset, length, position)
        : Promise.reject(new Error(`it refers to byte ${position} of ${this.#size}`));
    bytes.then(({ bytesRead }) => callback(null, bytesRead), callback);
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(this.#range(start, end));
  }

  async *#range(start: number, end: number): AsyncGenerator<Buffer> {
    for (let at = start; at < end;) {
      const buffer = Buffer.allocUnsafe(Math.min(2 ** 20, end - at));
      const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) throw new Error(`it ends at byte ${at}`);
      yield buffer.subarray(0, bytesRead);
      at += bytesRead;
    }
  }

  /** By its count of streams, which is not that of the archive's use: the file is closed with the archive. */
  override close(callback: (error: Error | null) => void): void {
    setImmediate(callback, null);
  }
}

async function readEntry(zip: ZipFile, entry: Entry, path: string): Promise<Uint8Array<ArrayBuffer>> {
  if (entry.compressionMethod !== 0 || entry.isEncrypted())
    throw new ModelError('torch-file-compressed', { file: path, entry: entry.fileName });
  if (entry.uncompressedSize > zip.fileSize)
    throw notAnArchive(path, new Error(`${entry.fileName} would have ${entry.uncompressedSize} bytes`));
  const bytes = new Uint8Array(entry.uncompressedSize);
  let at = 0;
  let crc = 0;
  try {
    for await (const chunk of await zip.openReadStreamPromise(entry)) {
      bytes.set(chunk as Uint8Array, at);
      crc = CRC32.buf(chunk as Uint8Array, crc);
      at += (chunk as Uint8Array).length;
    }
  } catch (cause) {
    throw notAnArchive(path, cause);
  }
  if (at !== bytes.length || crc >>> 0 !== entry.crc32 >>> 0)
    throw new ModelError('torch-file-checksum', { file: path, entry: entry.fileName });
  return bytes;
}

function isContiguous({ shape, strides }: PickledTensor): boolean {
  if (strides.length !== shape.length) return false;
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis];
  }
  return true;
}

function notAnArchive(path: string, cause: unknown): ModelError {
  const { message: reason } = cause as Error;
  return new ModelError('torch-file-damaged', { file: path, reason }, { cause });
}
