/** Safetensors files written by hand, sound or damaged, independent of attune's writer. */

export interface TensorEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly number[];
}

/** A file of this header (JSON text, or an object) and these bytes of data. */
export function safetensorsBytes(
  header: string | Readonly<Record<string, unknown>>,
  data: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}

export interface Float32Tensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** A sound F32 file of these tensors, in their order. */
export function float32File(tensors: ReadonlyMap<string, Float32Tensor>): Uint8Array {
  let offset = 0;
  const header: Record<string, TensorEntry> = {};
  for (const [name, { shape, values }] of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + values.byteLength] };
    offset += values.byteLength;
  }
  return safetensorsBytes(
    header,
    Buffer.concat(
      [...tensors.values()].map(({ values }) =>
        Buffer.from(values.buffer, values.byteOffset, values.byteLength),
      ),
    ),
  );
}
