/**
 * The header of a safetensors file: 8 bytes of length (little-endian), then that many bytes of JSON mapping
 * each tensor's name to its dtype, shape and place in the data that follows. Validated as strictly as the
 * format's specification asks (https://huggingface.co/docs/safetensors): the tensors fill the data without
 * overlap, hole or rest.
 */
import { jsonValue } from '../json/syntax.js';
import { ModelError } from '../errors/attune-error.js';
import { isJsonObject } from './config-fields.js';
import { elementCount } from './parameters.js';

/** Bytes before the JSON. */
export const LENGTH_BYTES = 8;
/** The specification's bound. */
const MAX_HEADER_BYTES = 100_000_000;

const BYTES_OF: ReadonlyMap<string, number> = new Map(
  Object.entries({
    ...{ BOOL: 1, U8: 1, I8: 1, F8_E4M3: 1, F8_E5M2: 1, F8_E8M0: 1 },
    ...{ I16: 2, U16: 2, F16: 2, BF16: 2, I32: 4, U32: 4, F32: 4, I64: 8, U64: 8, F64: 8, C64: 8 },
  }),
);

export interface TensorInfo {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** First byte in the file, and the byte behind its last. */
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: ReadonlyMap<string, string>;
}

/** Length of the JSON, from the file's first bytes. @throws ModelError where the file cannot hold it */
export function headerLength(first: Uint8Array, fileBytes: number, file: string): number {
  if (first.length < LENGTH_BYTES)
    throw damaged(file, `it has ${fileBytes} bytes, fewer than the 8 every safetensors file begins with`);
  if (new TextDecoder('latin1').decode(first) === 'version ') {
    throw new ModelError(`${file} is a Git LFS pointer, not the weights themselves`, {
      hint: 'Run `git lfs pull` in the model folder, or download the file again.',
    });
  }
  const length = new DataView(first.buffer, first.byteOffset).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES) throw damaged(file, `its header would have ${length} bytes`);
  if (length > fileBytes - LENGTH_BYTES)
    throw damaged(
      file,
      `its header would have ${length} bytes, but the file has only ${fileBytes}; ` +
        'it is truncated or no safetensors file',
    );
  return Number(length);
}

/**
 * @param json the header's bytes
 * @param fileBytes size of the whole file
 * @throws ModelError naming file and tensor
 */
export function parseHeader(json: Uint8Array, fileBytes: number, file: string): SafetensorsHeader {
  if (json[0] !== 0x7b) throw damaged(file, 'its header does not begin with {');
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json);
    header = jsonValue(text);
  } catch (cause) {
    throw damaged(file, `its header is not JSON (${(cause as Error).message})`);
  }
  if (!isJsonObject(header)) throw damaged(file, 'its header is not a JSON object');
  const twice = duplicateKey(text);
  if (twice !== undefined) throw damaged(file, `its header names ${JSON.stringify(twice)} twice`);

  const dataStart = LENGTH_BYTES + json.length;
  const metadata = readMetadata(header['__metadata__'], file);
  const tensors = new Map<string, TensorInfo>();
  for (const [name, entry] of Object.entries(header)) {
    if (name !== '__metadata__') tensors.set(name, readTensorInfo(name, entry, dataStart, fileBytes, file));
  }
  requireGapless(tensors, dataStart, fileBytes, file);
  return { tensors, metadata };
}

function readMetadata(entry: unknown, file: string): Map<string, string> {
  const metadata = new Map<string, string>();
  if (entry === undefined) return metadata;
  if (!isJsonObject(entry)) throw damaged(file, '__metadata__ is not a JSON object');
  for (const [key, value] of Object.entries(entry)) {
    if (typeof value !== 'string') throw damaged(file, `__metadata__: ${key} is not a string`);
    metadata.set(key, value);
  }
  return metadata;
}

function readTensorInfo(
  name: string,
  entry: unknown,
  dataStart: number,
  fileBytes: number,
  file: string,
): TensorInfo {
  const fail = (what: string): ModelError => damaged(file, `tensor ${name} ${what}`);
  if (!isJsonObject(entry)) throw fail('is not described by a JSON object');
  const { dtype, shape, data_offsets: offsets } = entry;
  const width = typeof dtype === 'string' ? BYTES_OF.get(dtype) : undefined;
  if (typeof dtype !== 'string' || width === undefined)
    throw fail(`has the dtype ${JSON.stringify(dtype)}, which attune does not know`);
  if (!isCountArray(shape)) throw fail(`has the shape ${JSON.stringify(shape)}`);
  if (!isCountArray(offsets) || offsets.length !== 2 || offsets[0] > offsets[1])
    throw fail(`has the data_offsets ${JSON.stringify(offsets)}`);
  const bytes = elementCount(shape) * width;
  if (!Number.isSafeInteger(bytes)) throw fail(`has the shape [${shape.join(', ')}], which no file can hold`);
  const [begin, end] = [dataStart + offsets[0], dataStart + offsets[1]];
  if (end > fileBytes)
    throw fail(`ends at byte ${end}, but the file has ${fileBytes} bytes; it is truncated`);
  if (end - begin !== bytes)
    throw fail(`has ${end - begin} bytes, but ${dtype} [${shape.join(', ')}] needs ${bytes}`);
  return { dtype, shape, begin, end };
}

function requireGapless(
  tensors: ReadonlyMap<string, TensorInfo>,
  dataStart: number,
  fileBytes: number,
  file: string,
): void {
  const order = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let position = dataStart;
  let previous = 'the header';
  for (const [name, { begin, end }] of order) {
    if (begin < position) throw damaged(file, `tensors ${previous} and ${name} overlap`);
    if (begin > position)
      throw damaged(
        file,
        `${begin - position} bytes between ${previous} and tensor ${name} belong to no tensor`,
      );
    position = end;
    previous = name;
  }
  if (position < fileBytes)
    throw damaged(file, `${fileBytes - position} bytes after ${previous} belong to no tensor`);
}

/**
 * The first key that occurs twice in one object of `json` (valid JSON), which JSON.parse passes over in
 * silence.
 */
function duplicateKey(json: string): string | undefined {
  const open: Set<string>[] = [];
  // No regular expression: V8's overflow on strings of some megabytes.
  for (let i = 0; i < json.length; i++) {
    if (json[i] === '{') open.push(new Set());
    else if (json[i] === '}') open.pop();
    else if (json[i] === '"') {
      const start = i++;
      while (json[i] !== '"') i += json[i] === '\\' ? 2 : 1;
      const end = i + 1;
      while (WHITE_SPACE.has(json[i + 1])) i++;
      if (json[i + 1] !== ':') continue; // a value
      const key = JSON.parse(json.slice(start, end)) as string;
      const keys = open.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
  }
  return undefined;
}

const WHITE_SPACE: ReadonlySet<string> = new Set([' ', '\t', '\n', '\r']);

function isCountArray(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

function damaged(file: string, what: string): ModelError {
  return new ModelError(`${file} is damaged: ${what}`, { hint: 'Download or save the file again.' });
}
