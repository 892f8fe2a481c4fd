/** Gzip files in the browser are unpacked, and refused, as in Node. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import type { Transform } from 'node:stream';
import { describe, it } from 'node:test';
import * as zlib from 'node:zlib';
import { createGunzip } from '#attune/browser/node/zlib.js';

/** The text unpacked from a file in pieces of `piece` bytes, or the code of the error. */
async function unpacked(gunzip: Transform, bytes: Uint8Array, piece: number): Promise<string> {
  const pieces = Array.from({ length: Math.ceil(bytes.length / piece) }, (_, i) =>
    bytes.subarray(i * piece, (i + 1) * piece),
  );
  const out: Buffer[] = [];
  try {
    for await (const chunk of Readable.from(pieces).pipe(gunzip)) out.push(Buffer.from(chunk as Uint8Array));
  } catch (error) {
    return `error: ${(error as NodeJS.ErrnoException).code}`;
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
  'many members, one of them long': Buffer.concat([a, long, b, long, a]),
  'blocks as bgzip writes them': Buffer.concat([a, b, bgzipEnd]),
  'a member with a name': Buffer.concat([a, named]),
  'an empty member': Buffer.concat([member(''), a, member('')]),
  'zeros after the last member': Buffer.concat([a, b, Buffer.alloc(600)]),
  'a member after zeros': Buffer.concat([a, Buffer.alloc(600), b]),
  'a truncated second member': Buffer.concat([a, b.subarray(0, -5)]),
  'a truncated second header': Buffer.concat([a, b.subarray(0, 6)]),
  'a truncated first member': long.subarray(0, 900),
  'a wrong checksum': changed(a, 6),
  'a wrong length': changed(a, 3),
  'a wrong checksum in the second member': Buffer.concat([a, changed(b, 6)]),
  'text after the last member': Buffer.concat([a, Buffer.from('text behind, which is no member')]),
  'a file that is not gzip': Buffer.from('text,label\n'),
};

describe('createGunzip in the browser', () => {
  for (const [name, bytes] of Object.entries(CASES)) {
    it(`unpacks or refuses ${name} as Node does, in pieces of any size`, async () => {
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

  it('holds at most 20 MiB of unpacked data for a slow reader', async () => {
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
    assert.ok(taken > 24 << 20, `only ${taken} bytes were unpacked`);
    assert.ok(held <= 20 << 20, `${held} bytes were held`);
  });
});
