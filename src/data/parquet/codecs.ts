// Decompression of parquet's pages. The header of a page says how long it is unpacked, so no more than that
// is ever allocated.
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { decompress as decompressZstd } from 'fzstd';
import { snappyUncompress } from 'hyparquet';
import { decompressLz4, decompressLz4Raw } from 'hyparquet-compressors';

/** Unpacks a page to `length` bytes. */
type Codec = (input: Uint8Array, length: number) => Uint8Array;

const CODECS: Readonly<Partial<Record<string, Codec>>> = {
  UNCOMPRESSED: (input) => input,
  SNAPPY: (input, length) => {
    const output = new Uint8Array(length);
    snappyUncompress(input, output);
    return output;
  },
  GZIP: (input, length) => gunzipSync(input, { maxOutputLength: length + 1 }),
  BROTLI: (input, length) => brotliDecompressSync(input, { maxOutputLength: length + 1 }),
  ZSTD: (input, length) => decompressZstd(input, new Uint8Array(length)),
  LZ4: decompressLz4,
  LZ4_RAW: decompressLz4Raw,
};

export const CODEC_NAMES = Object.keys(CODECS);

/**
 * @throws Error if the codec is not known, or the page is not one of it, or is not `length` bytes long
 * when unpacked
 */
export function unpackPage(codec: string, input: Uint8Array, length: number): Uint8Array {
  const unpack = Object.hasOwn(CODECS, codec) ? CODECS[codec] : undefined;
  if (!unpack) throw new Error(`the compression ${codec} is not known`);
  if (length === 0 && input.length === 0) return input;
  const output = unpack(input, length);
  if (output.length !== length)
    throw new Error(`a page is ${output.length} bytes long when unpacked, but its header says ${length}`);
  return output;
}
