import { Zip, ZipDeflate, ZipPassThrough } from 'fflate';

/** A zip file of a folder. Weights do not get smaller and are stored as they are. */
export function zipped(folder: string, files: ReadonlyMap<string, Uint8Array>): Promise<Blob> {
  return new Promise((resolve, reject) => {
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    const zip = new Zip((error, piece, final) => {
      if (error) return reject(error);
      pieces.push(piece);
      if (final) resolve(new Blob(pieces, { type: 'application/zip' }));
    });
    for (const [name, bytes] of files) {
      const entry = name.endsWith('.safetensors')
        ? new ZipPassThrough(`${folder}/${name}`)
        : new ZipDeflate(`${folder}/${name}`, { level: 6 });
      zip.add(entry);
      entry.push(bytes, true);
    }
    zip.end();
  });
}
