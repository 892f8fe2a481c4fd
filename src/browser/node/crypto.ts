/**
 * What attune uses of node:crypto: SHA-256, which must go piece by piece as WebCrypto's cannot, and random
 * names.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';

export const randomUUID = (): string => globalThis.crypto.randomUUID();

interface Hash {
  update(data: string | Uint8Array): Hash;
  digest(encoding: 'hex'): string;
}

export function createHash(algorithm: string): Hash {
  if (algorithm !== 'sha256') throw new RangeError(`${algorithm} is not computed here; sha256 is`);
  const hash = sha256.create();
  const made: Hash = {
    update(data) {
      hash.update(
        typeof data === 'string'
          ? new TextEncoder().encode(data)
          : new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      );
      return made;
    },
    digest: () => bytesToHex(hash.digest()),
  };
  return made;
}
