/** The floating-point formats of weight files, which are little-endian, widened to float32. */

/** Bytes of one number. */
export const FLOAT_BYTES = { F64: 8, F32: 4, F16: 2, BF16: 2 } as const;
export type FloatType = keyof typeof FLOAT_BYTES;

export function isFloatType(dtype: string): dtype is FloatType {
  return Object.hasOwn(FLOAT_BYTES, dtype);
}

/**
 * Converts all numbers in `bytes` and stores them in `target` from `start` on. F16 and BF16 are exact; F64 is
 * rounded to nearest. Signs of zero, infinities and NaN are kept.
 *
 * @param bytes at the beginning of its buffer; on a big-endian machine its bytes are swapped in place
 */
export function widen(
  dtype: FloatType,
  bytes: Uint8Array<ArrayBuffer>,
  target: Float32Array,
  start: number,
): void {
  toHostOrder(bytes, FLOAT_BYTES[dtype]);
  switch (dtype) {
    case 'F32':
      target.set(new Float32Array(bytes.buffer, 0, bytes.length / 4), start);
      return;
    case 'F64':
      target.set(new Float64Array(bytes.buffer, 0, bytes.length / 8), start);
      return;
    case 'F16': {
      halfTable ??= makeHalfTable();
      const table = halfTable;
      const halves = new Uint16Array(bytes.buffer, 0, bytes.length / 2);
      for (let i = 0; i < halves.length; i++) target[start + i] = table[halves[i]];
      return;
    }
    case 'BF16': {
      // A bfloat16 is the upper half of the float32 of the same value.
      const halves = new Uint16Array(bytes.buffer, 0, bytes.length / 2);
      const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
      for (let i = 0; i < halves.length; i++) bits[start + i] = halves[i] << 16;
      return;
    }
  }
}

/** Numbers as the little-endian bytes of a tensor; on a little-endian machine a view, not a copy. */
export function littleEndianBytes(values: Float32Array | Float64Array | Int32Array): Uint8Array {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return HOST_IS_LITTLE_ENDIAN ? bytes : toHostOrder(bytes.slice(), values.BYTES_PER_ELEMENT === 8 ? 8 : 4);
}

/** True everywhere that Node runs today but on s390x. */
const HOST_IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Swaps in place where the machine is big-endian. */
export function toHostOrder(bytes: Uint8Array<ArrayBuffer>, width: 2 | 4 | 8): Uint8Array {
  if (HOST_IS_LITTLE_ENDIAN) return bytes;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  switch (width) {
    case 2:
      return buffer.swap16();
    case 4:
      return buffer.swap32();
    case 8:
      return buffer.swap64();
  }
}

let halfTable: Float32Array | undefined;

/**
 * The float32 of each of the 65,536 values of IEEE 754 binary16: 1 sign bit, 5 of exponent (bias 15), 10 of
 * fraction.
 */
function makeHalfTable(): Float32Array {
  const table = new Float32Array(2 ** 16);
  for (let half = 0; half < table.length; half++) table[half] = widenedHalf(half);
  return table;
}

function widenedHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
