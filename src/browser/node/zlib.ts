/**
 * What attune uses of node:zlib: gzip files of one member or many (as `cat a.gz b.gz` and bgzip make them),
 * unpacked as they stream by zlib's port to JavaScript, which checks length and checksum. The browser's own
 * DecompressionStream takes only a first member.
 */
import { Transform } from 'stream';
import {
  Z_BUF_ERROR,
  Z_NO_FLUSH,
  Z_OK,
  Z_STREAM_END,
  ZStream,
  zlibInflate,
  zlibInflateInit2,
  zlibInflateReset,
} from 'pako';

/** gzip's wrapper, and its largest window. */
const WINDOW_BITS = 16 + 15;
const PIECE = 1 << 18;
/** Bytes that may wait to be read: a small file may unpack to a very large one. */
const MOST_HELD = 64 * PIECE;

/** As zlib says it: the code decides what is told of the file. */
const fault = (code: 'Z_DATA_ERROR' | 'Z_BUF_ERROR', message: string): Error =>
  Object.assign(new Error(message), { code });

const moment = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

export function createGunzip(): Transform {
  const inflater = new ZStream();
  zlibInflateInit2(inflater, WINDOW_BITS);
  /** Nothing, then within a member, then behind one; over where something follows that is none. */
  let state: 'before' | 'within' | 'behind' | 'over' = 'before';

  /** Unpacks a part of the input. Returns false where it is used up. */
  const unpack = (): boolean => {
    if (state === 'over' || (inflater.avail_in === 0 && state !== 'within')) return false;
    if (state === 'behind') {
      // Zeros fill up a block of a tape; zlib in Node passes over them, and takes anything else for a further
      // member.
      if (inflater.input[inflater.next_in] === 0) {
        state = 'over';
        return false;
      }
      zlibInflateReset(inflater);
    }
    state = 'within';
    if (inflater.avail_out === 0) {
      inflater.output = new Uint8Array(PIECE);
      inflater.next_out = 0;
      inflater.avail_out = PIECE;
    }
    const start = inflater.next_out;
    const status = zlibInflate(inflater, Z_NO_FLUSH);
    if (status === Z_STREAM_END) state = 'behind';
    else if (status !== Z_OK && status !== Z_BUF_ERROR)
      throw fault('Z_DATA_ERROR', inflater.msg || 'unknown fault');
    if (inflater.next_out > start) stream.push(inflater.output.subarray(start, inflater.next_out));
    return status === Z_STREAM_END || inflater.avail_out === 0;
  };

  const stream = new Transform({
    transform: (chunk: Uint8Array, _encoding, done) => {
      inflater.input = chunk;
      inflater.next_in = 0;
      inflater.avail_in = chunk.length;
      const run = async (): Promise<void> => {
        while (!stream.destroyed && unpack())
          while (stream.readableLength > MOST_HELD && !stream.destroyed) await moment();
      };
      run().then(() => done(), done);
    },
    flush: (done) => done(state === 'within' ? fault('Z_BUF_ERROR', 'unexpected end of file') : null),
  });
  return stream;
}
