/** What attune uses of node:zlib: gzip files are unpacked as they stream, by the browser itself, which checks length and checksum. */
import { Transform } from 'stream';

/** What is used of the web's streams; the project does without TypeScript's DOM library. */
interface Unpacker {
  readonly writable: { getWriter(): { write(chunk: Uint8Array): Promise<void>; close(): Promise<void> } };
  readonly readable: AsyncIterable<Uint8Array> & { getReader(): { read(): Promise<{ done: boolean; value?: Uint8Array }> } };
}
declare const DecompressionStream: new (format: 'gzip') => Unpacker;

/** As zlib says it: the code decides what is told of the file. */
const fault = (code: 'Z_DATA_ERROR' | 'Z_BUF_ERROR', cause: unknown): Error => Object.assign(new Error(cause instanceof Error ? cause.message : String(cause)), { code });

export function createGunzip(): Transform {
  const { writable, readable } = new DecompressionStream('gzip');
  const writer = writable.getWriter();
  const reader = readable.getReader();
  let ending = false;
  const stream = new Transform({
    transform: (chunk: Uint8Array, _encoding, done) => {
      writer.write(chunk).then(() => done(), (cause: unknown) => done(fault('Z_DATA_ERROR', cause)));
    },
    flush: (done) => {
      ending = true;
      // What is wrong shows on the reading side, too, and is told once.
      writer.close().catch(() => undefined);
      void unpacked.then((error) => done(error));
    },
  });
  const unpacked = (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || !value) return undefined;
      stream.push(value);
    }
  })().catch((cause: unknown) => fault(ending ? 'Z_BUF_ERROR' : 'Z_DATA_ERROR', cause));
  return stream;
}
