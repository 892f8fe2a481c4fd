/**
 * The header of a safetensors file: 8 bytes of length (little-endian), then that many bytes of JSON mapping
 * each tensor's name to its dtype, shape and place in the data that follows. Validated as strictly as the
 * format's specification asks (https://huggingface.co/docs/safetensors): the tensors fill the data without
 * overlap, hole or rest.
 */
import { jsonValue } from '../json/syntax.js';
import { ModelError } from '../errors/attune-error.js';
import type { Plain } from '../errors/wording.js';
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

/** Length of the JSON, from the file's first bytes. @throws ModelError if the file cannot hold it */
export function headerLength(first: Uint8Array, fileBytes: number, file: string): number {
  if (first.length < LENGTH_BYTES) throw new ModelError('safetensors-too-short', { file, bytes: fileBytes });
  if (new TextDecoder('latin1').decode(first) === 'version ') {
    throw new ModelError('safetensors-lfs-pointer', { file });
  }
  const length = new DataView(first.buffer, first.byteOffset).getBigUint64(0, true);
  const headerBytes = String(length);
  if (length > MAX_HEADER_BYTES) throw new ModelError('safetensors-header-too-long', { file, headerBytes });
  if (length > fileBytes - LENGTH_BYTES)
    throw new ModelError('safetensors-header-truncated', { file, headerBytes, bytes: fileBytes });
  return Number(length);
}

/**
 * @param json the header's bytes
 * @param fileBytes size of the whole file
 * @throws ModelError naming file and tensor
 */
export function parseHeader(json: Uint8Array, fileBytes: number, file: string): SafetensorsHeader {
  if (json[0] !== 0x7b) throw new ModelError('safetensors-header-not-object', { file });
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json);
    header = jsonValue(text);
  } catch (cause) {
    throw new ModelError('safetensors-header-not-json', { file, reason: (cause as Error).message });
  }
  if (!isJsonObject(header)) throw new ModelError('safetensors-header-not-object', { file });
  const twice = duplicateKey(text);
  if (twice !== undefined) throw new ModelError('safetensors-name-twice', { file, name: twice });

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
  if (!isJsonObject(entry)) throw new ModelError('safetensors-metadata-not-object', { file });
  for (const [key, value] of Object.entries(entry)) {
    if (typeof value !== 'string') throw new ModelError('safetensors-metadata-not-text', { file, key });
    metadata.set(key, value);
  }
  return metadata;
}

function readTensorInfo(
  tensor: string,
  entry: unknown,
  dataStart: number,
  fileBytes: number,
  file: string,
): TensorInfo {
  if (!isJsonObject(entry)) throw new ModelError('safetensors-tensor-not-object', { file, tensor });
  const { dtype, shape, data_offsets: offsets } = entry as Readonly<Record<string, Plain>>;
  const width = typeof dtype === 'string' ? BYTES_OF.get(dtype) : undefined;
  if (typeof dtype !== 'string' || width === undefined)
    throw new ModelError('safetensors-dtype-unknown', { file, tensor, dtype });
  if (!isCountArray(shape)) throw new ModelError('safetensors-shape-invalid', { file, tensor, shape });
  if (!isCountArray(offsets) || offsets.length !== 2 || offsets[0] > offsets[1])
    throw new ModelError('safetensors-offsets-invalid', { file, tensor, offsets });
  const expected = elementCount(shape) * width;
  if (!Number.isSafeInteger(expected))
    throw new ModelError('safetensors-shape-too-large', { file, tensor, shape });
  const [begin, end] = [dataStart + offsets[0], dataStart + offsets[1]];
  if (end > fileBytes)
    throw new ModelError('safetensors-tensor-truncated', { file, tensor, end, bytes: fileBytes });
  const found = end - begin;
  if (found !== expected)
    throw new ModelError('safetensors-tensor-size', { file, tensor, dtype, shape, found, expected });
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
  let previous: string | undefined;
  for (const [name, { begin, end }] of order) {
    if (previous !== undefined && begin < position)
      throw new ModelError('safetensors-overlap', { file, tensors: [previous, name] });
    if (begin > position)
      throw new ModelError('safetensors-gap', {
        file,
        bytes: begin - position,
        after: previous,
        before: name,
      });
    position = end;
    previous = name;
  }
  if (position < fileBytes) {
    const bytes = fileBytes - position;
    throw new ModelError('safetensors-gap', { file, bytes, after: previous, before: undefined });
  }
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
