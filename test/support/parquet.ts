/** Small parquet files. */
import { brotliCompressSync, gzipSync } from 'node:zlib';
import type { ColumnSource, ParquetWriteOptions } from 'hyparquet-writer';
import { parquetWriteBuffer } from 'hyparquet-writer';

export type ParquetOptions = Pick<
  ParquetWriteOptions,
  'rowGroupSize' | 'pageSize' | 'codec' | 'kvMetadata' | 'schema'
>;

const compressors = {
  GZIP: (bytes: Uint8Array) => new Uint8Array(gzipSync(bytes)),
  BROTLI: (bytes: Uint8Array) => new Uint8Array(brotliCompressSync(bytes)),
};

export function parquetBytes(columnData: ColumnSource[], options: ParquetOptions = {}): Uint8Array {
  return new Uint8Array(parquetWriteBuffer({ columnData, compressors, ...options }));
}

/** The metadata by which `datasets` records that a column holds classes. */
export const classLabels = (
  column: string,
  names: readonly string[],
): NonNullable<ParquetWriteOptions['kvMetadata']> => [
  {
    key: 'huggingface',
    value: JSON.stringify({
      info: {
        features: { text: { dtype: 'string', _type: 'Value' }, [column]: { names, _type: 'ClassLabel' } },
      },
    }),
  },
];
