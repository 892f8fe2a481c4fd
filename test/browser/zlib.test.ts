/** Gzip files in the browser are unpacked, and refused, as in Node. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import type { Transform } from 'node:stream';
import { test } from 'node:test';
import * as zlib from 'node:zlib';
import { createGunzip } from '#attune/browser/node/zlib.js';

/** What comes out of pieces of a file, or the code of the fault. */
async function unpacked(gunzip: Transform, bytes: Uint8Array, piece: number): Promise<string> {
  const pieces = Array.from({ length: Math.ceil(bytes.length / piece) }, (_, i) =>
    bytes.subarray(i * piece, (i + 1) * piece),
  );
  const out: Buffer[] = [];
  try {
    for await (const chunk of Readable.from(pieces).pipe(gunzip)) out.push(Buffer.from(chunk as Uint8Array));
  } catch (error) {
    return `fault: ${(error as NodeJS.ErrnoException).code}`;
  }
  return Buffer.concat(out).toString();
}

const member = (text: string, options?: zlib.ZlibOptions): Buffer => zlib.gzipSync(text, options);
const [a, b, long] = [
  member('first, '),
  member('second', { level: 0 }),
  member('a line of a long text\n'.repeat(40_000)),
];
/** A member with a name and a comment, as gzip writes them. */
const named = Buffer.concat([
  Buffer.from([0x1f, 0x8b, 8, 0x18, 0, 0, 0, 0, 0, 3]),
  Buffer.from('rows.csv\0a comment\0'),
  a.subarray(10),
]);
/** The empty block at the end of what bgzip writes. */
const bgzipEnd = Buffer.from('1f8b08040000000000ff0600424302001b0003000000000000000000', 'hex');
const changed = (bytes: Buffer, fromEnd: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy[copy.length - fromEnd] ^= 1;
  return copy;
};

const CASES: Record<string, Uint8Array> = {
  'one member': a,
  'two members': Buffer.concat([a, b]),
  'many, a long one among them': Buffer.concat([a, long, b, long, a]),
  'blocks as bgzip writes them': Buffer.concat([a, b, bgzipEnd]),
  'a member with a name': Buffer.concat([a, named]),
  'an empty member': Buffer.concat([member(''), a, member('')]),
  'zeros behind': Buffer.concat([a, b, Buffer.alloc(600)]),
  'something behind the zeros': Buffer.concat([a, Buffer.alloc(600), b]),
  'a second member cut short': Buffer.concat([a, b.subarray(0, -5)]),
  'a second header cut short': Buffer.concat([a, b.subarray(0, 6)]),
  'a first member cut short': long.subarray(0, 900),
  'a wrong checksum': changed(a, 6),
  'a wrong length': changed(a, 3),
  'a wrong checksum in the second': Buffer.concat([a, changed(b, 6)]),
  'text behind': Buffer.concat([a, Buffer.from('text behind, which is no member')]),
  'no gzip file': Buffer.from('text,label\n'),
};

for (const [name, bytes] of Object.entries(CASES)) {
  test(`${name}: as in Node, whatever pieces it comes in`, async () => {
    for (const piece of [1, 7, bytes.length]) {
      if (piece < 7 && bytes.length > 5000) continue;
      assert.equal(
        await unpacked(createGunzip(), bytes, piece),
        await unpacked(zlib.createGunzip(), bytes, piece),
        `pieces of ${piece}`,
      );
    }
  });
}

test('no more of what a small file unpacks to is held than a reader takes', async () => {
  const bomb = zlib.gzipSync(Buffer.alloc(64 << 20));
  const gunzip = createGunzip();
  let taken = 0;
  let held = 0;
  for await (const chunk of Readable.from([bomb]).pipe(gunzip)) {
    taken += (chunk as Uint8Array).length;
    // A slow reader finds what has piled up since in one chunk.
    held = Math.max(held, (chunk as Uint8Array).length, gunzip.readableLength);
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (taken > 24 << 20) break;
  }
  assert.ok(held <= 20 << 20, `${held} bytes were held`);
});
