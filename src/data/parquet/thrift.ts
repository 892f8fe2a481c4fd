// Thrift's compact protocol
// (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md), in which parquet
// writes its footer and its page headers. hyparquet reads them, too, but believes every length it finds; here
// each is held against the bytes that are there, so that a damaged header is refused before anything is
// allocated for it.

export type ThriftValue = boolean | number | bigint | Uint8Array | ThriftStruct | readonly ThriftValue[];
export type ThriftStruct = ReadonlyMap<number, ThriftValue>;

const DEEPEST = 40;
/** A footer of 1,000 row groups of 100 columns has about 4 million values. */
const MOST_VALUES = 8_000_000;

/** What is wrong with the bytes; the caller says of which file. */
export class ThriftError extends Error {}

/**
 * Reads the struct at `offset`.
 *
 * @param keep false: only checks, and returns no fields
 * @returns the fields by their number, and the offset after the struct
 * @throws ThriftError
 */
export function readThriftStruct(
  bytes: Uint8Array,
  offset: number,
  keep = true,
): { readonly fields: ThriftStruct; readonly end: number } {
  const reader = new Reader(bytes, offset, keep);
  const fields = reader.struct(0);
  return { fields, end: reader.offset };
}

class Reader {
  offset: number;
  #values = 0;

  constructor(
    readonly bytes: Uint8Array,
    offset: number,
    readonly keep: boolean,
  ) {
    this.offset = offset;
  }

  struct(depth: number): ThriftStruct {
    if (depth > DEEPEST) throw new ThriftError(`structs are nested more than ${DEEPEST} deep`);
    const fields = new Map<number, ThriftValue>();
    let id = 0;
    for (;;) {
      const byte = this.#byte();
      const type = byte & 0x0f;
      if (type === 0) return fields;
      id = byte >> 4 === 0 ? this.#zigzag() : id + (byte >> 4);
      // Of a boolean the type is the value: 1 is true, 2 is false.
      const value = type === 1 || type === 2 ? type === 1 : this.#value(type, depth);
      if (this.keep) fields.set(id, value);
    }
  }

  #value(type: number, depth: number): ThriftValue {
    if (++this.#values > MOST_VALUES) throw new ThriftError(`more than ${MOST_VALUES} values`);
    switch (type) {
      case 1: // within a list, a boolean has a byte of its own
      case 2:
      case 3:
        return (this.#byte() << 24) >> 24;
      case 4:
      case 5:
        return this.#zigzag();
      case 6:
        return this.#zigzag64();
      case 7:
        this.#skip(8);
        return 0; // no field of parquet that is read here is a double
      case 8: {
        const length = this.#length();
        this.#skip(length);
        return this.bytes.subarray(this.offset - length, this.offset);
      }
      case 9: {
        const byte = this.#byte();
        const size = byte >> 4 === 15 ? this.#length() : byte >> 4;
        if (size > this.bytes.length - this.offset)
          throw new ThriftError(`a list claims ${size} elements, more than there are bytes`);
        const elements: ThriftValue[] = [];
        for (let i = 0; i < size; i++) {
          const element = this.#value(byte & 0x0f, depth);
          if (this.keep) elements.push(element);
        }
        return elements;
      }
      case 12:
        return this.struct(depth + 1);
      default:
        throw new ThriftError(`a value has type ${type}, which parquet does not use`);
    }
  }

  #byte(): number {
    if (this.offset >= this.bytes.length) throw new ThriftError('it ends in the middle');
    return this.bytes[this.offset++];
  }

  #skip(length: number): void {
    if (length > this.bytes.length - this.offset)
      throw new ThriftError(
        `a value claims ${length} bytes, but ${this.bytes.length - this.offset} are left`,
      );
    this.offset += length;
  }

  /** Unsigned, of 32 bits. */
  #varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) {
        if (value >= 2 ** 32) break;
        return value;
      }
    }
    throw new ThriftError('a number is longer than 32 bits');
  }

  #length(): number {
    const length = this.#varint();
    if (length >= 2 ** 31) throw new ThriftError(`a length of ${length}`);
    return length;
  }

  #zigzag(): number {
    const value = this.#varint();
    return (value >>> 1) ^ -(value & 1);
  }

  #zigzag64(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return (value >> 1n) ^ -(value & 1n);
    }
    throw new ThriftError('a number is longer than 64 bits');
  }
}
