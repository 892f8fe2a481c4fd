/**
 * TensorBoard event files: a sequence of TFRecords, each a serialised `tensorflow.Event`.
 *
 *   record   uint64 length | uint32 masked CRC of the length | bytes | uint32 masked CRC of the bytes
 *   (little-endian) mask     ((crc >> 15) | (crc << 17)) + 0xa282ead8, of a CRC-32C
 *   tensorflow/core/lib/hash/crc32c.h messages tensorflow/core/util/event.proto, framework/summary.proto,
 *   framework/tensor.proto
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import CRC32C from 'crc-32/crc32c.js';

/** One value of a summary: a number to plot, or a text that the text plugin shows as Markdown. */
export type EventValue =
  { readonly tag: string; readonly scalar: number } | { readonly tag: string; readonly text: string };

/** Field numbers of the messages above. */
const EVENT = { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sourceMetadata: 10 } as const;
const SOURCE_METADATA = { writer: 1 } as const;
const SUMMARY = { value: 1 } as const;
const VALUE = { tag: 1, simpleValue: 2, tensor: 8, metadata: 9 } as const;
const METADATA = { pluginData: 1 } as const;
const PLUGIN_DATA = { pluginName: 1 } as const;
const TENSOR = { dtype: 1, shape: 2, stringValue: 8 } as const;
const SHAPE = { dim: 2 } as const;
const DIM = { size: 1 } as const;
/** DataType of framework/types.proto. */
const DT_STRING = 7;

const begin = (writer: BinaryWriter, field: number): BinaryWriter =>
  writer.tag(field, WireType.LengthDelimited).fork();
const text = (writer: BinaryWriter, field: number, value: string): BinaryWriter =>
  writer.tag(field, WireType.LengthDelimited).string(value);

/** The event that begins every file. */
export function versionEvent(wallTime: number, writer: string): Uint8Array {
  const event = new BinaryWriter().tag(EVENT.wallTime, WireType.Bit64).double(wallTime);
  text(event, EVENT.fileVersion, 'brain.Event:2');
  text(begin(event, EVENT.sourceMetadata), SOURCE_METADATA.writer, writer).join();
  return event.finish();
}

/**
 * One value, under the tag that SummaryWriter's add_scalar and add_text write.
 *
 * @param wallTime seconds since 1970
 * @param step left out where 0, as protobuf does
 */
export function summaryEvent(wallTime: number, step: number, value: EventValue): Uint8Array {
  const event = new BinaryWriter().tag(EVENT.wallTime, WireType.Bit64).double(wallTime);
  if (step !== 0) event.tag(EVENT.step, WireType.Varint).int64(step);
  const fields = begin(begin(event, EVENT.summary), SUMMARY.value);
  if ('scalar' in value) {
    text(fields, VALUE.tag, value.tag).tag(VALUE.simpleValue, WireType.Bit32).float(value.scalar);
  } else {
    text(fields, VALUE.tag, `${value.tag}/text_summary`);
    const tensor = begin(fields, VALUE.tensor).tag(TENSOR.dtype, WireType.Varint).int32(DT_STRING);
    begin(begin(tensor, TENSOR.shape), SHAPE.dim).tag(DIM.size, WireType.Varint).int64(1).join().join();
    text(tensor, TENSOR.stringValue, value.text).join();
    text(begin(begin(fields, VALUE.metadata), METADATA.pluginData), PLUGIN_DATA.pluginName, 'text')
      .join()
      .join();
  }
  fields.join().join();
  return event.finish();
}

/** `bytes` framed as one TFRecord. */
export function tfRecord(bytes: Uint8Array): Buffer {
  const record = Buffer.alloc(8 + 4 + bytes.length + 4);
  record.writeBigUInt64LE(BigInt(bytes.length), 0);
  record.writeUInt32LE(maskedCrc(record.subarray(0, 8)), 8);
  record.set(bytes, 12);
  record.writeUInt32LE(maskedCrc(bytes), 12 + bytes.length);
  return record;
}

/** CRC-32C, masked so that the CRC of data that holds CRCs is not weak. */
export function maskedCrc(bytes: Uint8Array): number {
  const crc = CRC32C.buf(bytes) >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
