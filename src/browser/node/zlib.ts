/** What attune uses of node:zlib: gzip files are unpacked as they stream. */
import { Gunzip } from 'fflate';
import { Transform } from 'stream';

/** As zlib says it: the code decides what is told of the file. */
const fault = (code: 'Z_DATA_ERROR' | 'Z_BUF_ERROR', message: string): Error => Object.assign(new Error(message), { code });

export function createGunzip(): Transform {
  let ended = false;
  const gunzip = new Gunzip((chunk, final) => {
    if (chunk.length > 0) stream.push(chunk);
    ended = final;
  });
  const feed = (chunk: Uint8Array, final: boolean, done: (error?: Error) => void): void => {
    try {
      gunzip.push(chunk, final);
      done(final && !ended ? fault('Z_BUF_ERROR', 'unexpected end of file') : undefined);
    } catch (cause) {
      const { message, code } = cause as Error & { code?: number };
      // fflate's code 0: the data ended where more was expected.
      done(fault(code === 0 ? 'Z_BUF_ERROR' : 'Z_DATA_ERROR', message));
    }
  };
  const stream = new Transform({
    transform: (chunk: Uint8Array, _encoding, done) => feed(chunk, false, done),
    flush: (done) => feed(new Uint8Array(0), true, done),
  });
  return stream;
}
