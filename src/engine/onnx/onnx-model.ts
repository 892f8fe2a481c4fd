/**
 * Writes an ONNX ModelProto (github.com/onnx/onnx, onnx.proto, IR version 10): only the fields that a graph
 * with inputs for everything needs.
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Shape } from '../../graph/graph.js';

export type OnnxType = 'float32' | 'int32' | 'int64';

/** TensorProto.DataType */
const DATA_TYPE: Record<OnnxType, number> = { float32: 1, int32: 6, int64: 7 };
const IR_VERSION = 10;
const OPSET = 21;
const MICROSOFT_DOMAIN = 'com.microsoft';

/** A number is FLOAT or INT by the attribute's definition, so floats are wrapped. */
export type OnnxAttribute = number | string | readonly number[] | { readonly float: number };

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
  /** Of ONNX Runtime's own operators (com.microsoft). */
  readonly contrib: boolean;
}

export interface OnnxValueInfo {
  readonly name: string;
  /** Symbolic dimensions are names; absent: left to shape inference. */
  readonly shape?: readonly (number | string)[];
  /** `sequence`: of float32 tensors, whatever the shape says. */
  readonly type: OnnxType | 'sequence';
}

export interface OnnxConstant {
  readonly name: string;
  readonly type: OnnxType;
  readonly shape: Shape & readonly number[];
  readonly values: readonly number[];
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  readonly constants: readonly OnnxConstant[];
}

type Message = (writer: BinaryWriter) => void;

const message = (writer: BinaryWriter, field: number, body: Message): void => {
  writer.tag(field, WireType.LengthDelimited).fork();
  body(writer);
  writer.join();
};
const text = (writer: BinaryWriter, field: number, value: string): void =>
  void writer.tag(field, WireType.LengthDelimited).string(value);
const integer = (writer: BinaryWriter, field: number, value: number): void =>
  void writer.tag(field, WireType.Varint).int64(value);
const float = (writer: BinaryWriter, field: number, value: number): void =>
  void writer.tag(field, WireType.Bit32).float(value);

/** AttributeProto: name 1, f 2, i 3, s 4, ints 8, type 20. */
function attribute(name: string, value: OnnxAttribute): Message {
  return (writer) => {
    text(writer, 1, name);
    if (typeof value === 'number') {
      integer(writer, 3, value);
      integer(writer, 20, 2);
    } else if (typeof value === 'string') {
      text(writer, 4, value);
      integer(writer, 20, 3);
    } else if ('float' in value) {
      float(writer, 2, value.float);
      integer(writer, 20, 1);
    } else {
      for (const item of value) integer(writer, 8, item);
      integer(writer, 20, 7);
    }
  };
}

/** NodeProto: input 1, output 2, op_type 4, attribute 5, domain 7. */
function node({ op, inputs, outputs, attributes, contrib }: OnnxNode): Message {
  return (writer) => {
    for (const input of inputs) text(writer, 1, input);
    for (const output of outputs) text(writer, 2, output);
    text(writer, 4, op);
    for (const [name, value] of Object.entries(attributes)) message(writer, 5, attribute(name, value));
    if (contrib) text(writer, 7, MICROSOFT_DOMAIN);
  };
}

/**
 * ValueInfoProto: name 1, type 2 { tensor_type 1 { elem_type 1, shape 2 { dim 1 { dim_value 1, dim_param 2 }
 * } }, sequence_type 4 { elem_type 1 { type } } }.
 */
function valueInfo({ name, shape, type }: OnnxValueInfo): Message {
  const tensorType: Message = (writer) =>
    message(writer, 1, (tensor) => {
      integer(tensor, 1, DATA_TYPE[type === 'sequence' ? 'float32' : type]);
      if (!shape) return;
      message(tensor, 2, (shapeProto) => {
        for (const dimension of shape) {
          message(shapeProto, 1, (dim) =>
            typeof dimension === 'number' ? integer(dim, 1, dimension) : text(dim, 2, dimension),
          );
        }
      });
    });
  return (writer) => {
    text(writer, 1, name);
    message(
      writer,
      2,
      type === 'sequence'
        ? (typeProto) => message(typeProto, 4, (sequence) => message(sequence, 1, tensorType))
        : tensorType,
    );
  };
}

/** TensorProto: dims 1, data_type 2, float_data 4, int32_data 5, int64_data 7, name 8. */
function constant({ name, type, shape, values }: OnnxConstant): Message {
  return (writer) => {
    for (const dimension of shape) integer(writer, 1, dimension);
    integer(writer, 2, DATA_TYPE[type]);
    for (const value of values) {
      if (type === 'float32') float(writer, 4, value);
      else integer(writer, type === 'int32' ? 5 : 7, value);
    }
    text(writer, 8, name);
  };
}

/**
 * ModelProto: ir_version 1, graph 7 { node 1, name 2, initializer 5, input 11, output 12 }, opset_import 8 {
 * domain 1, version 2 }.
 */
export function writeOnnxModel(graph: OnnxGraph): Uint8Array {
  const writer = new BinaryWriter();
  integer(writer, 1, IR_VERSION);
  message(writer, 7, (graphProto) => {
    for (const item of graph.nodes) message(graphProto, 1, node(item));
    text(graphProto, 2, 'attune');
    for (const item of graph.constants) message(graphProto, 5, constant(item));
    for (const item of graph.inputs) message(graphProto, 11, valueInfo(item));
    for (const item of graph.outputs) message(graphProto, 12, valueInfo(item));
  });
  message(writer, 8, (opset) => {
    text(opset, 1, '');
    integer(opset, 2, OPSET);
  });
  message(writer, 8, (opset) => {
    text(opset, 1, MICROSOFT_DOMAIN);
    integer(opset, 2, 1);
  });
  return writer.finish();
}
