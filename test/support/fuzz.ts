/** Damaged files: sound ones of a kind, changed at random, the same for the same seed and number. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { readRows } from '#attune/data/rows.js';
import { AttuneError } from '#attune/errors/attune-error.js';
import { SafetensorsFile } from '#attune/model/safetensors.js';
import { fixturePath } from './fixtures.js';
import { classLabels, parquetBytes } from './parquet.js';
import { Random } from './random.js';
import { float32File } from './safetensors.js';

export const FUZZ_KINDS = ['safetensors', 'parquet', 'jsonl', 'csv', 'gzip'] as const;
export type FuzzKind = (typeof FUZZ_KINDS)[number];

const WORDS = ['tea', 'rain', 'caf\u00e9', '"quoted"', 'a, b', '\ud83d\ude42', 'x'.repeat(90), ''];
const rows = Array.from({ length: 40 }, (_, i) => ({
  text: `${WORDS[i % WORDS.length]} ${WORDS[(i * 5) % WORDS.length]} ${i % 3}`,
  label: i % 3,
  label_text: ['bad', 'fair', 'good'][i % 3],
  id: `r${i}`,
}));
const jsonl = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
const csvLines = rows.map(({ text, label, id }) => `"${text.replaceAll('"', '""')}",${label},${id}\n`);
const csv = `text,label,id\n${csvLines.join('')}`;
const columns = (): Parameters<typeof parquetBytes>[0] => [
  {
    name: 'text',
    data: rows.map(({ text }, i) => (i % 9 === 4 ? null : text)),
    type: 'STRING',
    nullable: true,
  },
  { name: 'label', data: rows.map(({ label }) => BigInt(label)), type: 'INT64' },
  { name: 'label_text', data: rows.map(({ label_text }) => label_text) },
  { name: 'id', data: rows.map(({ id }) => id), encoding: 'PLAIN' },
];

/** Sound files, by their endings. */
const SOUND: Readonly<Record<FuzzKind, readonly (readonly [ending: string, bytes: Uint8Array])[]>> = {
  safetensors: [
    [
      'safetensors',
      float32File(
        new Map([
          ['a.weight', { shape: [3, 4], values: Float32Array.from({ length: 12 }, (_, i) => i) }],
          ['b', { shape: [5], values: new Float32Array(5) }],
          ['c', { shape: [0, 2], values: new Float32Array(0) }],
        ]),
      ),
    ],
  ],
  parquet: [
    ...(['SNAPPY', 'UNCOMPRESSED', 'GZIP', 'BROTLI'] as const).map(
      (codec) => ['parquet', parquetBytes(columns(), { codec, rowGroupSize: 16 })] as const,
    ),
    [
      'parquet',
      parquetBytes(columns(), {
        codec: 'UNCOMPRESSED',
        pageSize: 200,
        kvMetadata: classLabels('label', ['bad', 'fair', 'good']),
      }),
    ],
    [
      'parquet',
      parquetBytes(
        [
          { name: 'text', data: rows.map(({ text }) => text), encoding: 'DELTA_LENGTH_BYTE_ARRAY' },
          {
            name: 'label',
            data: Int32Array.from(rows, ({ label }) => label),
            encoding: 'DELTA_BINARY_PACKED',
          },
        ],
        { codec: 'UNCOMPRESSED' },
      ),
    ],
    ...['zstd', 'lz4-raw'].map(
      (name) => ['parquet', readFileSync(fixturePath(`data/${name}.parquet`))] as const,
    ),
    [
      'parquet',
      parquetBytes(
        [
          { name: 'text', data: rows.map(({ text }) => text) },
          { name: 'label', data: rows.map(({ label }) => label === 1), type: 'BOOLEAN' },
        ],
        { codec: 'UNCOMPRESSED' },
      ),
    ],
  ],
  jsonl: [
    ['jsonl', Buffer.from(jsonl)],
    ['json', Buffer.from(JSON.stringify(rows, null, 1))],
  ],
  csv: [
    ['csv', Buffer.from(csv)],
    ['csv', Buffer.from(csv.replaceAll('\n', '\r\n'))],
    [
      'tsv',
      Buffer.from(
        rows
          .map(({ text, label }) => `${text}\t${label}\n`)
          .join('')
          .replace(/^/, 'text\tlabel\n'),
      ),
    ],
  ],
  gzip: [
    ['jsonl.gz', gzipSync(jsonl)],
    ['csv.gz', gzipSync(csv)],
    ['jsonl.gz', gzipSync(Buffer.alloc(1 << 22, 0x20))],
  ],
};

const ODD_BYTES = [0, 1, 0x7f, 0x80, 0xff, 0x0a, 0x0d, 0x22, 0x2c, 0x5c, 0x7b, 0x5b];

/**
 * Bytes turned, set, taken out, put in or repeated, the end cut off; near the end as often as anywhere, where
 * parquet has its footer.
 */
function damaged(sound: Uint8Array, random: Random): Buffer {
  let bytes = Buffer.from(sound);
  const place = (): number => {
    const length = bytes.length - 1;
    return Math.max(
      0,
      random.integer(0, 1) === 0
        ? random.integer(0, length)
        : length - random.integer(0, Math.min(length, 400)),
    );
  };
  for (let changes = random.integer(1, 4); changes > 0 && bytes.length > 0; changes--) {
    const at = place();
    switch (random.integer(0, 7)) {
      case 0:
      case 1:
      case 2:
        bytes[at] ^= 1 << random.integer(0, 7);
        break;
      case 3:
        bytes[at] = ODD_BYTES[random.integer(0, ODD_BYTES.length - 1)];
        break;
      case 4: // a large number where there may be a length
        for (let i = 0; i < random.integer(1, 8) && at + i < bytes.length; i++)
          bytes[at + i] = random.integer(0, 3) === 0 ? 0x7f : 0xff;
        break;
      case 5:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random.integer(1, 20))]);
        break;
      case 6: {
        const from = place();
        bytes = Buffer.concat([
          bytes.subarray(0, at),
          bytes.subarray(from, from + random.integer(1, 40)),
          bytes.subarray(at),
        ]);
        break;
      }
      default:
        if (random.integer(0, 2) === 0) bytes = bytes.subarray(0, at);
        else bytes[at] = random.integer(0, 255);
    }
  }
  return bytes;
}

/**
 * Reads damaged file number `index`. Returns whether it was refused; throws where the reader did anything but
 * give rows or an AttuneError with the file among its facts.
 */
export async function fuzzCase(
  kind: FuzzKind,
  seed: number,
  index: number,
  folder: string,
): Promise<boolean> {
  const random = new Random((seed * 1_000_003 + index) % 2 ** 31);
  const [ending, sound] = SOUND[kind][random.integer(0, SOUND[kind].length - 1)];
  const file = join(folder, `case.${ending}`);
  writeFileSync(file, damaged(sound, random));
  try {
    if (kind === 'safetensors') {
      const opened = await SafetensorsFile.open(file);
      try {
        for (const tensor of opened.tensors.keys()) await opened.read(tensor);
      } finally {
        await opened.close();
      }
    } else {
      for (const { text, label } of await readRows(file)) {
        if (typeof text !== 'string' || !(typeof label === 'string' || Number.isSafeInteger(label)))
          throw new Error(`a row became ${typeof text}, ${typeof label}`);
      }
    }
    return false;
  } catch (error) {
    const where = `${kind} case ${index} of seed ${seed}`;
    if (!(error instanceof AttuneError))
      throw new Error(`${where}: ${error instanceof Error ? error.stack : String(error)}`, { cause: error });
    if (!holds(error.facts, file))
      throw new Error(`${where}: the file is no fact of: ${error.message}`, { cause: error });
    return true;
  }
}

/** Whether a fact is this text, or holds it. */
const holds = (fact: unknown, text: string): boolean =>
  fact === text ||
  (typeof fact === 'object' && fact !== null && Object.values(fact).some((each) => holds(each, text)));
