/**
 * Reads back what onnx-model.ts writes, by the field numbers of onnx.proto (github.com/onnx/onnx): for tests.
 */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

type Field = number | Uint8Array;

/**
 * The fields of one message: number -> values in order. Length-delimited ones stay bytes, fixed 32-bit ones
 * are read as float.
 */
function fields(bytes: Uint8Array): Map<number, Field[]> {
  const reader = new BinaryReader(bytes);
  const found = new Map<number, Field[]>();
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    found.set(field, [...(found.get(field) ?? []), valueOf(reader, wire)]);
  }
  return found;
}

function valueOf(reader: BinaryReader, wire: WireType): Field {
  if (wire === WireType.Varint) return Number(reader.int64());
  if (wire === WireType.LengthDelimited) return reader.bytes();
  if (wire === WireType.Bit32) return reader.float();
  throw new Error(`wire type ${wire}`);
}

const bytesOf = (message: Map<number, Field[]>, field: number): Uint8Array[] =>
  (message.get(field) ?? []).map((value) => {
    if (!(value instanceof Uint8Array)) throw new Error(`field ${field} is not length-delimited`);
    return value;
  });
const numbersOf = (message: Map<number, Field[]>, field: number): number[] =>
  (message.get(field) ?? []).map((value) => {
    if (typeof value !== 'number') throw new Error(`field ${field} is not a number`);
    return value;
  });
const textsOf = (message: Map<number, Field[]>, field: number): string[] =>
  bytesOf(message, field).map((bytes) => new TextDecoder('utf-8', { fatal: true }).decode(bytes));

export interface DecodedNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly domain: string;
  readonly attributes: Readonly<Record<string, number | string | readonly number[]>>;
}

export interface DecodedValue {
  readonly name: string;
  /** TensorProto.DataType */
  readonly type: number;
  readonly shape: readonly (number | string)[];
}

export interface DecodedModel {
  readonly irVersion: number;
  readonly opsets: Readonly<Record<string, number>>;
  readonly nodes: readonly DecodedNode[];
  readonly inputs: readonly DecodedValue[];
  readonly outputs: readonly DecodedValue[];
  readonly constants: readonly string[];
}

export function decodeOnnx(bytes: Uint8Array): DecodedModel {
  const model = fields(bytes);
  const graph = fields(bytesOf(model, 7)[0]);
  return {
    irVersion: numbersOf(model, 1)[0],
    opsets: Object.fromEntries(
      bytesOf(model, 8)
        .map(fields)
        .map((opset) => [textsOf(opset, 1)[0], numbersOf(opset, 2)[0]]),
    ),
    nodes: bytesOf(graph, 1)
      .map(fields)
      .map((node) => ({
        op: textsOf(node, 4)[0],
        inputs: textsOf(node, 1),
        outputs: textsOf(node, 2),
        domain: textsOf(node, 7)[0] ?? '',
        attributes: Object.fromEntries(bytesOf(node, 5).map(fields).map(attribute)),
      })),
    constants: bytesOf(graph, 5)
      .map(fields)
      .map((tensor) => textsOf(tensor, 8)[0]),
    inputs: bytesOf(graph, 11).map(valueInfo),
    outputs: bytesOf(graph, 12).map(valueInfo),
  };
}

/** AttributeProto: name 1, f 2, i 3, s 4, ints 8, type 20 (1 FLOAT, 2 INT, 3 STRING, 7 INTS). */
function attribute(message: Map<number, Field[]>): [string, number | string | readonly number[]] {
  const [type] = numbersOf(message, 20);
  const field = { 1: 2, 2: 3, 3: 4, 7: 8 }[type];
  if (field === undefined) throw new Error(`attribute type ${type}`);
  if (type === 3) return [textsOf(message, 1)[0], textsOf(message, 4)[0]];
  const values = numbersOf(message, field);
  return [textsOf(message, 1)[0], type === 7 ? values : values[0]];
}

function valueInfo(bytes: Uint8Array): DecodedValue {
  const info = fields(bytes);
  const tensor = fields(bytesOf(fields(bytesOf(info, 2)[0]), 1)[0]);
  const dimensions = bytesOf(fields(bytesOf(tensor, 2)[0]), 1).map(fields);
  return {
    name: textsOf(info, 1)[0],
    type: numbersOf(tensor, 1)[0],
    shape: dimensions.map((dimension) => textsOf(dimension, 2)[0] ?? numbersOf(dimension, 1)[0]),
  };
}
