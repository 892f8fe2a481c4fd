/**
 * The server of the demo page: a fixed list of files, over HTTP, to this machine alone unless told otherwise.
 * It reads nothing that a request names; a request either is one of the names or gets 404. What the page may
 * do is said in its headers: load and ask for what lies beside it, and nothing else.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { finished, pipeline } from 'node:stream/promises';
import { AttuneError, UsageError } from '../errors/attune-error.js';
import { openSiteFile } from './site.js';
import type { Site } from './site.js';

const POLICY = [
  "default-src 'none'",
  ...['script', 'worker', 'style', 'img', 'connect'].map((kind) => `${kind}-src 'self'`),
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export const HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': POLICY,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), microphone=(), geolocation=()',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-cache',
};

const PLAIN_TEXT = 'text/plain; charset=utf-8';

/** By the ending of a file's name. */
const TYPES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    html: 'text/html; charset=utf-8',
    css: 'text/css; charset=utf-8',
    js: 'text/javascript; charset=utf-8',
    json: 'application/json; charset=utf-8',
    jsonl: PLAIN_TEXT,
    svg: 'image/svg+xml',
    txt: PLAIN_TEXT,
  }),
);

export interface ServeOptions {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly signal?: AbortSignal | undefined;
}

export interface RunningServer {
  readonly url: string;
  /** Settles when the server has ended: after `close`, or when the signal was aborted. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

/**
 * Serves a site.
 *
 * @throws UsageError if the port is taken, AttuneError if it cannot be listened on
 */
export async function serve(site: Site, { host, port, signal }: ServeOptions): Promise<RunningServer> {
  // The requests of a connection one after the other, as their answers go anyway: an answer in the queue
  // would hold its file open, and never hear that the reader has gone.
  const turns = new WeakMap<Socket, Promise<void>>();
  const server = createServer((request, response) => {
    const { socket } = request;
    turns.set(
      socket,
      (turns.get(socket) ?? Promise.resolve()).then(() => inTurn(site, request, response, host)),
    );
  });
  server.requestTimeout = 30_000;
  await listen(server, host, port);
  const ended = new Promise<void>((resolve) => server.once('close', resolve));
  const close = (): Promise<void> => {
    server.close();
    server.closeAllConnections();
    return ended;
  };
  signal?.addEventListener('abort', () => void close(), { once: true });
  if (signal?.aborted) void close();
  const { port: bound } = server.address() as AddressInfo; // it listens on a port, not on a pipe
  return { url: `http://${isIP(host) === 6 ? `[${host}]` : host}:${bound}/`, ended, close };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'EADDRINUSE') reject(new UsageError('port-in-use', { host, port }, { cause }));
      else if (cause.code === 'EACCES') reject(new UsageError('port-not-permitted', { port }, { cause }));
      else reject(new AttuneError('server-cannot-listen', { host, port, reason: cause.message }, { cause }));
    });
    server.listen(port, host, resolve);
  });
}

/** Resolves when the answer has been sent, or its reader has gone. */
async function inTurn(
  site: Site,
  request: IncomingMessage,
  response: ServerResponse,
  host: string,
): Promise<void> {
  if (request.socket.destroyed) return;
  try {
    await answer(site, request, response, host);
  } catch {
    if (!response.headersSent) plain(response, 500, 'this file cannot be read');
    else response.destroy();
  }
  await finished(response).catch(() => undefined);
}

async function answer(
  site: Site,
  request: IncomingMessage,
  response: ServerResponse,
  host: string,
): Promise<void> {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  // A page of another name that resolves to this machine must not read what is served here (DNS rebinding).
  if (isLoopback(host) && !isLoopback(hostName(request.headers.host)))
    return plain(response, 403, 'this server answers to localhost alone');
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    return plain(response, 405, 'only GET and HEAD');
  }
  const name = fileName(request.url ?? '');
  const file = name === undefined ? undefined : site.get(name);
  if (name === undefined || !file) return plain(response, 404, 'there is no such file');
  const { bytes, stream } = await openSiteFile(file);
  response.writeHead(200, {
    'Content-Type': TYPES.get(name.slice(name.lastIndexOf('.') + 1)) ?? 'application/octet-stream',
    'Content-Length': bytes,
  });
  if (request.method === 'HEAD') {
    stream.destroy();
    response.end();
    return;
  }
  // No faster than it is read: of a file of weights only some kilobytes are held for each request.
  await pipeline(stream, (parts: AsyncIterable<Uint8Array>) => whole(parts, bytes), response);
}

/**
 * The parts of a file, which must be all of it: where it was cut meanwhile, what comes after would be taken
 * for the rest of it.
 */
async function* whole(parts: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Uint8Array> {
  let left = bytes;
  for await (const part of parts) {
    left -= part.length;
    yield part;
  }
  if (left > 0) throw new Error('the file has become shorter');
}

/** `/` is index.html; undefined for what is no path. */
function fileName(target: string): string | undefined {
  try {
    const path = decodeURIComponent(target.replace(/[?#].*$/s, ''));
    if (path === '/') return 'index.html';
    return path.startsWith('/') ? path.slice(1) : undefined;
  } catch {
    return undefined;
  }
}

const hostName = (header: string | undefined): string =>
  (header ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '');

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);

function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': PLAIN_TEXT });
  response.end(`${text}\n`);
}
