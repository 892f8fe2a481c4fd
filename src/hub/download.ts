/**
 * One file of a repository into the cache. It is written beside its place at the positions its bytes have,
 * checked against size and hash as they lie on the disk, and renamed. So a crash leaves at worst a part that
 * the next download goes on from or throws away; and should two processes ever write the same part (the lock
 * keeps them from it), they write the same bytes to the same places.
 */
import { createHash } from 'node:crypto';
import { open, rename, rm, stat, statfs } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { INCOMPLETE, diskError } from './cache-layout.js';
import type { CachedRepository } from './cache-layout.js';
import { connectionFacts } from './client.js';
import type { About, HubClient, HubResponse } from './client.js';
import { HubError } from './hub-error.js';
import { withLock } from './lock.js';
import { pause } from './pause.js';

/** A file as the Hub's listing has it. */
export interface RemoteFile {
  readonly path: string;
  readonly size: number;
  /**
   * Hexadecimal: sha256 of a large file (Git LFS), or git's sha1 of a small one. It is also the blob's name.
   */
  readonly hash: string;
  readonly algorithm: 'sha256' | 'git-sha1';
}

export interface DownloadOptions {
  readonly client: HubClient;
  readonly cached: CachedRepository;
  readonly commit: string;
  readonly about: About;
  readonly signal?: AbortSignal | undefined;
  /** Bytes of the file that are here now; may go back where a damaged part is thrown away. */
  readonly onBytes?: (received: number) => void;
  readonly onNote?: ((text: string) => void) | undefined;
}

/** Connections that may break without one new byte before it is given up. */
const FRUITLESS = 5;
const READ_BYTES = 2 ** 20;

/**
 * @returns the snapshot's file on this machine
 * @throws HubError: what the Hub refuses, 'network' if the connection brings nothing any more,
 *   'integrity', 'disk'
 */
export async function downloadFile(file: RemoteFile, options: DownloadOptions): Promise<string> {
  const { cached, commit, onBytes, signal, onNote, about } = options;
  const here = await cached.file(commit, file.path, file.size);
  if (here !== undefined) return here;
  const blob = cached.blob(file.hash);
  const isHere = async (): Promise<boolean> => {
    const found = await stat(blob).catch(() => undefined);
    return found?.isFile() === true && found.size === file.size;
  };
  if (!(await isHere())) {
    await cached.tag().catch((cause: unknown) => {
      throw diskError(cached.cacheDir, cause);
    });
    const onWait = (): void =>
      onNote?.(`another process is downloading ${file.path} of ${about.repository}; waiting for it`);
    await withLock(
      cached.lock(file.hash),
      async () => {
        if (!(await isHere())) await downloadBlob(file, blob, options);
      },
      { signal, onWait },
    );
  }
  onBytes?.(file.size);
  return cached.point(commit, file.path, file.hash);
}

async function downloadBlob(file: RemoteFile, blob: string, options: DownloadOptions): Promise<void> {
  const { about } = options;
  const part = `${blob}${INCOMPLETE}`;
  for (;;) {
    const resumed = await transfer(file, part, options);
    const found = await hashOf(part, file, options.signal);
    if (found === file.hash) break;
    await rm(part, { force: true });
    // A part of an earlier time may be what is wrong. What has come in one piece is not going to be better.
    if (resumed) continue;
    throw new HubError('integrity', 'hub-file-damaged', {
      file: file.path,
      repository: about.repository,
      algorithm: file.algorithm,
      found,
      expected: file.hash,
    });
  }
  try {
    await rename(part, blob);
  } catch (cause) {
    throw diskError(blob, cause);
  }
}

/** Brings `part` to its full size. @returns whether some of it was there before */
async function transfer(
  file: RemoteFile,
  part: string,
  { client, about, commit, signal, onBytes }: DownloadOptions,
): Promise<boolean> {
  const handle = await open(part, 'r+')
    .catch(() => open(part, 'w'))
    .catch((cause: unknown) => {
      throw diskError(part, cause);
    });
  try {
    let { size: position } = await handle.stat();
    if (position > file.size) {
      await handle.truncate(0);
      position = 0;
    }
    const resumed = position > 0;
    await requireRoom(part, file, position);
    const address = addressOf(client.settings.endpoint, about, commit, file.path);
    let [farthest, fruitless] = [position, 0];
    while (position < file.size || file.size === 0) {
      onBytes?.(position);
      const response = await client.get(
        address,
        {
          about: { ...about, file: file.path },
          signal,
          headers: position > 0 ? { range: `bytes=${position}-`, 'if-range': `"${file.hash}"` } : undefined,
        },
        [416],
      );
      try {
        position = startOf(response, file, position, about);
        for await (const chunk of response.body as AsyncIterable<Buffer>) {
          if (position + chunk.length > file.size)
            throw new HubError('integrity', 'hub-file-too-long', {
              file: file.path,
              repository: about.repository,
              expected: file.size,
            });
          await writeAt(handle, chunk, position, part);
          position += chunk.length;
          onBytes?.(position);
        }
        if (file.size === 0) break;
        if (position < file.size) throw new Error('the connection ended early');
      } catch (error) {
        response.body.destroy();
        response.body.on('error', () => undefined);
        signal?.throwIfAborted();
        if (error instanceof HubError) throw error;
        fruitless = position > farthest ? 0 : fruitless + 1;
        farthest = Math.max(farthest, position);
        // What cannot be gone on with is begun again.
        if (response.status === 416) position = 0;
        if (fruitless >= FRUITLESS) {
          throw new HubError(
            'network',
            'hub-download-stopped',
            {
              file: file.path,
              repository: about.repository,
              position,
              size: file.size,
              ...connectionFacts(client.settings, error),
            },
            { cause: error },
          );
        }
        await pause(client.pauseBefore(fruitless + 1), signal);
      }
    }
    await handle.sync().catch((cause: unknown) => {
      throw diskError(part, cause);
    });
    return resumed;
  } finally {
    await handle.close();
  }
}

/**
 * Position of the first byte of an answer to a request for the bytes from `asked` on.
 *
 * @throws HubError 'integrity' if it is an answer about another file, Error if it is of no use
 */
function startOf(
  { status, headers, hubHeaders }: HubResponse,
  file: RemoteFile,
  asked: number,
  about: About,
): number {
  const asFacts = { file: file.path, repository: about.repository };
  // The Hub's own answer names the content; what the content network calls it (an MD5 or nothing) is of no
  // use. A commit's file does not change, so another name means another file.
  const etag = /^(?:W\/)?"?([0-9a-f]{40}|[0-9a-f]{64})"?$/.exec(
    hubHeaders.get('x-linked-etag') ?? hubHeaders.get('etag') ?? '',
  )?.[1];
  if (etag !== undefined && etag.length === file.hash.length && etag !== file.hash)
    throw new HubError('integrity', 'hub-etag-wrong', { ...asFacts, found: etag, expected: file.hash });
  if (status === 416) throw new Error('the server does not have the rest of the file');
  const total = totalOf(status, headers);
  if (total !== undefined && total !== file.size)
    throw new HubError('integrity', 'hub-file-size-wrong', { ...asFacts, found: total, expected: file.size });
  if (status !== 206) return 0;
  const start = /^bytes (\d+)-/.exec(headers.get('content-range') ?? '')?.[1];
  if (start === undefined || Number(start) > asked)
    throw new Error('the server answers with another part of the file');
  return Number(start);
}

/** Length of the whole file in bytes, if the answer says it. */
function totalOf(status: number, headers: HubResponse['headers']): number | undefined {
  const encoding = headers.get('content-encoding') ?? 'identity';
  const whole = encoding === 'identity' ? headers.get('content-length') : undefined;
  const digits = status === 206 ? /\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1] : whole;
  return digits === undefined ? undefined : Number(digits);
}

async function writeAt(handle: FileHandle, chunk: Buffer, position: number, path: string): Promise<void> {
  try {
    for (let done = 0; done < chunk.length;)
      done += (await handle.write(chunk, done, chunk.length - done, position + done)).bytesWritten;
  } catch (cause) {
    throw diskError(path, cause);
  }
}

/** The file's address: each segment escaped, so that `#`, `?` and `%` in a name stay part of it. */
function addressOf(endpoint: string, { type, id }: About, commit: string, path: string): string {
  const escaped = path.split('/').map(encodeURIComponent).join('/');
  return `${endpoint}/${type === 'dataset' ? 'datasets/' : ''}${id}/resolve/${commit}/${escaped}`;
}

/** Fails before the first byte where the disk cannot hold the file. */
async function requireRoom(part: string, { size, path }: RemoteFile, present: number): Promise<void> {
  const disk = await statfs(dirname(part)).catch(() => undefined);
  if (!disk) return;
  const free = disk.bavail * disk.bsize;
  if (size - present <= free) return;
  throw new HubError('disk', 'cache-space-insufficient', {
    file: path,
    needed: size - present,
    folder: dirname(part),
    free,
  });
}

/**
 * git's sha1 of a file is of its length and its contents
 * (https://git-scm.com/book/en/v2/Git-Internals-Git-Objects).
 */
async function hashOf(path: string, { algorithm, size }: RemoteFile, signal?: AbortSignal): Promise<string> {
  const hash = createHash(algorithm === 'sha256' ? 'sha256' : 'sha1');
  if (algorithm === 'git-sha1') hash.update(`blob ${size}\0`);
  const handle = await open(path, 'r');
  try {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    for (;;) {
      signal?.throwIfAborted();
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return hash.digest('hex');
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}
