/** Files that lie beside the page. A server that is gone, or that sends nothing more, is an error. */

/** As long as a download from the Hub waits for the next bytes (hub/settings.ts). */
const IDLE_SECONDS = 30;
const HINT = 'Is the server that gave you this page still running? If it is, try again.';

/** A file could not be loaded; trying again may help. */
export class LoadError extends Error {
  readonly hint = HINT;
}

export interface LoadOptions {
  /** Called with the number of bytes of each piece. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A file's bytes.
 *
 * @throws LoadError; the signal's reason if it is aborted
 */
export async function load(
  name: string,
  { onBytes, signal }: LoadOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  signal?.throwIfAborted();
  const ending = new AbortController();
  const stop = (): void => ending.abort(signal?.reason);
  signal?.addEventListener('abort', stop);
  const silent = new LoadError(`${name} cannot be loaded: nothing came for ${IDLE_SECONDS} seconds`);
  const fallSilent = (): void => ending.abort(silent);
  let silence = setTimeout(fallSilent, IDLE_SECONDS * 1000);
  try {
    const response = await fetch(new URL(name, import.meta.url), { signal: ending.signal });
    if (!response.ok || !response.body) {
      throw new LoadError(`${name} cannot be loaded: the server answers ${response.status}`);
    }
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    const reader = response.body.getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      clearTimeout(silence);
      silence = setTimeout(fallSilent, IDLE_SECONDS * 1000);
      pieces.push(read.value);
      onBytes?.(read.value.length);
    }
    return new Uint8Array(await new Blob(pieces).arrayBuffer());
  } catch (cause) {
    ending.signal.throwIfAborted();
    if (cause instanceof LoadError) throw cause;
    throw new LoadError(`${name} cannot be loaded: the connection failed`, { cause });
  } finally {
    clearTimeout(silence);
    signal?.removeEventListener('abort', stop);
  }
}

export const loadText = async (name: string): Promise<string> => new TextDecoder().decode(await load(name));
