import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { AttuneError } from '#attune/errors/attune-error.js';
import { maskedCrc, summaryEvent, tfRecord, versionEvent } from '#attune/report/event-file.js';
import { tensorBoardTag, TensorBoardWriter } from '#attune/report/tensorboard.js';
import { evalRecord, finalRecord, trainRecord } from '#attune/train/records.js';
import { folder } from '../support/folder.js';
import { refusal } from '../support/refusal.js';

/** Bytes of each TFRecord of a file; fails if a length or checksum is wrong. */
function tfRecords(file: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < file.length;) {
    const length = Number(file.readBigUInt64LE(at));
    assert.equal(file.readUInt32LE(at + 8), maskedCrc(file.subarray(at, at + 8)), `length checksum at ${at}`);
    const bytes = file.subarray(at + 12, at + 12 + length);
    assert.equal(file.readUInt32LE(at + 12 + length), maskedCrc(bytes), `data checksum at ${at}`);
    found.push(bytes);
    at += 16 + length;
  }
  return found;
}

type Field = number | bigint | string | Uint8Array;

/** Fields of a message by number; sub-messages stay bytes. */
function fields(bytes: Uint8Array): Map<number, Field[]> {
  const reader = new BinaryReader(bytes);
  const found = new Map<number, Field[]>();
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    let value: Field;
    if (type === WireType.Varint) value = reader.int64();
    else if (type === WireType.Bit64) value = reader.double();
    else if (type === WireType.Bit32) value = reader.float();
    else value = reader.bytes();
    found.set(field, [...(found.get(field) ?? []), value]);
  }
  return found;
}

const inner = (message: Map<number, Field[]>, ...path: number[]): Map<number, Field[]> =>
  path.reduce((found, field) => fields(found.get(field)![0] as Uint8Array), message);
const textOf = (field: Field): string => Buffer.from(field as Uint8Array).toString('utf8');

interface Decoded {
  readonly wallTime: number;
  readonly step: number;
  readonly version?: string;
  readonly tag?: string;
  readonly scalar?: number;
  readonly text?: string;
}

function decode(bytes: Uint8Array): Decoded {
  const event = fields(bytes);
  const decoded = { wallTime: event.get(1)![0] as number, step: Number(event.get(2)?.[0] ?? 0) };
  if (event.has(3)) return { ...decoded, version: textOf(event.get(3)![0]) };
  const value = inner(event, 5, 1);
  const tag = textOf(value.get(1)![0]);
  if (value.has(2)) return { ...decoded, tag, scalar: value.get(2)![0] as number };
  assert.equal(textOf(inner(value, 9, 1).get(1)![0]), 'text');
  return { ...decoded, tag, text: textOf(inner(value, 8).get(8)![0]) };
}

const reference = readFileSync(new URL('../fixtures/tensorboard/reference.tfevents', import.meta.url));
const golden = JSON.parse(
  readFileSync(new URL('../fixtures/tensorboard/reference.json', import.meta.url), 'utf8'),
) as {
  readonly events: readonly {
    readonly step: number;
    readonly tag?: string;
    readonly simple_value?: number;
    readonly tensor?: { readonly strings: readonly string[] };
  }[];
};

describe('maskedCrc', () => {
  it('is the CRC-32C of RFC 3720, masked as TensorFlow does', () => {
    // RFC 3720, B.4: 32 bytes of zeros have the CRC-32C 0x8a9136aa.
    const crc = 0x8a9136aa;
    assert.equal(maskedCrc(new Uint8Array(32)), (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
  });
});

describe('versionEvent, summaryEvent and tfRecord', () => {
  it('encode the events of a file of transformers to its bytes', () => {
    const expected = tfRecords(reference);
    assert.equal(expected.length, golden.events.length);
    const ours = expected.map((bytes, i) => {
      const { wallTime } = decode(bytes);
      const { step, tag, simple_value: scalar, tensor } = golden.events[i];
      if (tag === undefined) return versionEvent(wallTime, 'tensorboard.summary.writer.event_file_writer');
      if (scalar !== undefined) return summaryEvent(wallTime, step, { tag, scalar });
      return summaryEvent(wallTime, step, {
        tag: tag.replace('/text_summary', ''),
        text: tensor!.strings[0],
      });
    });
    assert.ok(Buffer.concat(ours.map(tfRecord)).equals(reference));
  });
});

describe('TensorBoardWriter', () => {
  it('writes each log entry at once, with the tags of transformers', (t) => {
    const dir = join(folder(t), 'runs');
    let seconds = 1_700_000_000;
    const now = (): number => {
      seconds += 0.5;
      return seconds;
    };
    const writer = new TensorBoardWriter(dir, { now, host: 'host', pid: 77 });
    const read = (): Decoded[] => tfRecords(readFileSync(writer.path)).map(decode);
    assert.deepEqual(readdirSync(dir), ['events.out.tfevents.1700000000.host.77.0']);
    assert.deepEqual(
      read().map((event) => event.version),
      ['brain.Event:2'],
    );

    writer.text('args', '{"é": 1}');
    writer.log({ ...trainRecord({ loss: 0.75, gradNorm: 2, learningRate: 5e-5 }, { epoch: 0.5, step: 1 }) });
    assert.equal(read().length, 6, 'log entries are on disk before the file is closed');
    writer.log({
      ...evalRecord(
        0.5,
        { accuracy: 0.25, auc: null },
        { seconds: 2, rows: 4, batches: 2 },
        { epoch: 1, step: 2 },
      ),
    });
    writer.log({
      ...finalRecord(
        { loss: 0.75, flops: 18720 },
        { seconds: 4, samples: 4, steps: 2 },
        { epoch: 1, step: 2 },
      ),
    });
    writer.close();
    writer.close();

    const events = read();
    const scalars = events.filter((event) => event.scalar !== undefined);
    assert.deepEqual(events[1], {
      wallTime: 1_700_000_001.5,
      step: 0,
      tag: 'args/text_summary',
      text: '{"é": 1}',
    });
    assert.ok(events.every((event, i) => i === 0 || event.wallTime > events[i - 1].wallTime));
    const expected = golden.events.filter(
      (event) =>
        event.simple_value !== undefined &&
        !(event.step === 2 && ['train/loss', 'train/grad_norm', 'train/learning_rate'].includes(event.tag!)),
    );
    // The second training log entry of transformers is left out above; its epoch remains one of the three
    // train/epoch at step 2.
    expected.splice(
      expected.findIndex((event) => event.step === 2 && event.tag === 'train/epoch'),
      1,
    );
    assert.deepEqual(
      scalars.map((event) => [event.tag, event.step]),
      expected.map((event) => [event.tag, event.step]),
    );
    assert.deepEqual(
      scalars.slice(0, 4).map((event) => event.scalar),
      [0.75, 2, Math.fround(5e-5), 0.5],
    );
  });

  it('does not overwrite a file that was made in the same second', (t) => {
    const dir = folder(t);
    const options = { now: () => 5, host: 'h', pid: 1 };
    const first = new TensorBoardWriter(dir, options);
    const second = new TensorBoardWriter(dir, options);
    first.close();
    second.close();
    assert.deepEqual(readdirSync(dir).sort(), [
      'events.out.tfevents.0000000005.h.1.0',
      'events.out.tfevents.0000000005.h.1.1',
    ]);
  });

  it('refuses to write once it is closed', (t) => {
    const writer = new TensorBoardWriter(folder(t));
    writer.close();
    assert.throws(() => writer.scalar('train/loss', 1, 1), /is closed/);
  });

  it('reports the folder if it cannot be created', (t) => {
    const dir = folder(t, { taken: '' });
    writeFileSync(join(dir, 'taken'), 'a file');
    assert.throws(
      () => new TensorBoardWriter(join(dir, 'taken')),
      refusal(AttuneError, 'tensorboard-unwritable', { path: join(dir, 'taken') }),
    );
  });
});

describe('tensorBoardTag', () => {
  it('puts test metrics into the group test and all others into train', () => {
    assert.equal(tensorBoardTag('test_loss'), 'test/loss');
    assert.equal(tensorBoardTag('evaluation'), 'train/evaluation');
    assert.equal(tensorBoardTag('train_runtime'), 'train/train_runtime');
  });
});
