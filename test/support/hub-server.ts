/**
 * The Hub's HTTP API on loopback, as far as huggingface_hub and attune use it: repository info, file tree in
 * pages, resolve with HEAD and GET. Large files (Git LFS) are redirected to another host, as the Hub does to
 * its content network. Faults can be put into any answer.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, OutgoingHttpHeaders, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, relative, sep } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestContext } from 'node:test';

export type HubFiles = Readonly<Record<string, string | Uint8Array>>;

export interface HubRepositoryFixture {
  readonly type: 'model' | 'dataset';
  readonly id: string;
  readonly files: HubFiles;
  /** Other branches or tags, such as refs/convert/parquet. */
  readonly revisions?: Readonly<Record<string, HubFiles>>;
  /** 401 without this token, as if there were no such repository. */
  readonly privateTo?: string;
  /** 403 with X-Error-Code GatedRepo but for this token. */
  readonly gatedTo?: string;
  /** An older id, which redirects. */
  readonly oldId?: string;
}

export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** Whether it came to the content network. */
  readonly cdn: boolean;
  readonly headers: IncomingMessage['headers'];
}

/** What goes wrong with an answer. */
export interface Fault {
  /** Answer with this status in place of the right one. */
  readonly status?: number;
  /** In place of the right ones, or beside them; undefined: without it. */
  readonly headers?: OutgoingHttpHeaders;
  /** Break the connection after so many bytes of the body. */
  readonly cutAfter?: number;
  /** Send nothing more after so many bytes, and keep the connection open. */
  readonly stallAfter?: number;
  /** Milliseconds between pieces of `pieceBytes`. */
  readonly pauseBetween?: number;
  readonly pieceBytes?: number;
  /** Another body, of the same or another length. */
  readonly body?: Uint8Array;
  /** Take no notice of Range. */
  readonly noRanges?: boolean;
}

interface Entry {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly oid: string;
  /** Where the file is large. */
  readonly sha256?: string | undefined;
}

const LARGE = /\.(?:safetensors|parquet|bin|gz)$/;
const hex = (algorithm: string, ...parts: (string | Uint8Array)[]): string => {
  const hash = createHash(algorithm);
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};
export const gitHash = (bytes: Uint8Array): string => hex('sha1', `blob ${bytes.length}\0`, bytes);
export const sha256 = (bytes: Uint8Array): string => hex('sha256', bytes);

export class HubServer {
  readonly requests: SeenRequest[] = [];
  /** Asked before each answer; undefined: nothing goes wrong. */
  fault: (request: SeenRequest) => Fault | undefined | Promise<Fault | undefined> = () => undefined;
  /** Entries of a page of the tree. */
  pageSize = 1000;
  /** Replaces paths in listings, to be a malicious server. */
  listedPath: (path: string) => string = (path) => path;

  readonly #hub: Server;
  readonly #cdn: Server;
  readonly #repositories: HubRepositoryFixture[];

  private constructor(hub: Server, cdn: Server, repositories: HubRepositoryFixture[]) {
    this.#hub = hub;
    this.#cdn = cdn;
    this.#repositories = repositories;

    hub.on(
      'request',
      (request: IncomingMessage, response: ServerResponse) => void this.#answer(request, response, false),
    );
    cdn.on(
      'request',
      (request: IncomingMessage, response: ServerResponse) => void this.#answer(request, response, true),
    );
  }

  static async start(
    t: Pick<TestContext, 'after'> | undefined,
    repositories: readonly HubRepositoryFixture[] = [],
  ): Promise<HubServer> {
    const listen = (server: Server, host: string): Promise<void> =>
      new Promise((resolve) => server.listen(0, host, resolve));
    const [hub, cdn] = [createServer(), createServer()];
    await Promise.all([listen(hub, '127.0.0.1'), listen(cdn, 'localhost')]);
    const server = new HubServer(hub, cdn, [...repositories]);
    t?.after(() => server.stop());
    return server;
  }

  /** For HF_ENDPOINT. */
  get url(): string {
    return `http://127.0.0.1:${(this.#hub.address() as AddressInfo).port}`;
  }

  get cdnUrl(): string {
    return `http://localhost:${(this.#cdn.address() as AddressInfo).port}`;
  }

  add(repository: HubRepositoryFixture): void {
    this.#repositories.push(repository);
  }

  /** Puts a repository in the place of the one of the same id. */
  replace(repository: HubRepositoryFixture): void {
    this.#repositories[this.#repositories.findIndex(({ id }) => id === repository.id)] = repository;
  }

  /** Replaces what the main branch of a repository holds: a new commit. */
  push(id: string, files: HubFiles): void {
    const at = this.#repositories.findIndex((repository) => repository.id === id);
    this.#repositories[at] = { ...this.#repositories[at], files };
  }

  commit(id: string, revision = 'main'): string {
    const repository = this.#repositories.find((each) => each.id === id)!;
    return commitOf(filesOf(repository, revision)!);
  }

  stop(): Promise<void> {
    const close = (server: Server): Promise<void> =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    return Promise.all([close(this.#hub), close(this.#cdn)]).then(() => undefined);
  }

  async #answer(request: IncomingMessage, response: ServerResponse, cdn: boolean): Promise<void> {
    const seen: SeenRequest = {
      method: request.method ?? 'GET',
      url: request.url ?? '/',
      cdn,
      headers: request.headers,
    };
    this.requests.push(seen);
    response.on('error', () => undefined);
    try {
      const fault = await this.fault(seen);
      if (fault?.status !== undefined)
        return void response.writeHead(fault.status, { 'content-length': 0, ...fault.headers }).end();
      if (cdn) return await this.#answerCdn(seen, response, fault);
      const { pathname, searchParams } = new URL(seen.url, 'http://hub');
      const api =
        /^\/api\/(models|datasets)\/(.+?)\/(revision|tree)\/([^/]+)$/.exec(pathname) ??
        /^\/api\/(models|datasets)\/(.+?)()()$/.exec(pathname);
      const resolve = /^\/(datasets\/)?([^/]+(?:\/[^/]+)?)\/resolve\/([^/]+)\/(.+)$/.exec(pathname);
      if (api)
        return this.#answerApi(
          seen,
          response,
          {
            type: api[1] === 'models' ? 'model' : 'dataset',
            id: api[2],
            what: api[3],
            revision: decodeURIComponent(api[4] || 'main'),
          },
          searchParams,
        );
      if (resolve)
        return await this.#answerResolve(seen, response, fault, {
          type: resolve[1] ? 'dataset' : 'model',
          id: resolve[2],
          revision: decodeURIComponent(resolve[3]),
          path: decodeURIComponent(resolve[4]),
        });
      refuse(response, 404, 'RepoNotFound', 'Not found');
    } catch (error) {
      refuse(response, 500, undefined, String(error));
    }
  }

  #find(
    seen: SeenRequest,
    response: ServerResponse,
    type: string,
    id: string,
  ): HubRepositoryFixture | undefined {
    const renamed = this.#repositories.find((each) => each.type === type && each.oldId === id);
    if (renamed) {
      response.writeHead(307, { location: seen.url.replace(id, renamed.id), 'content-length': 0 }).end();
      return undefined;
    }
    const repository = this.#repositories.find((each) => each.type === type && each.id === id);
    const token = seen.headers.authorization?.replace(/^Bearer /, '');
    if (token === 'hf_wrong') refuse(response, 401, undefined, 'Invalid credentials in Authorization header');
    else if (!repository || (repository.privateTo !== undefined && repository.privateTo !== token))
      refuse(
        response,
        token === undefined ? 401 : 404,
        'RepoNotFound',
        token === undefined ? 'Invalid username or password.' : 'Repository not found',
      );
    else return repository;
    return undefined;
  }

  #answerApi(
    seen: SeenRequest,
    response: ServerResponse,
    { type, id, what, revision }: { type: string; id: string; what: string; revision: string },
    query: URLSearchParams,
  ): void {
    const repository = this.#find(seen, response, type, id);
    if (!repository) return;
    const files = filesOf(repository, revision);
    if (!files) return refuse(response, 404, 'RevisionNotFound', `Invalid rev id: ${revision}`);
    const entries = entriesOf(files);
    if (what !== 'tree') {
      const siblings = entries.map(({ path }) => ({ rfilename: path }));
      return json(response, {
        _id: '0',
        id,
        modelId: id,
        sha: commitOf(files),
        private: false,
        gated: repository.gatedTo === undefined ? false : 'auto',
        downloads: 0,
        likes: 0,
        lastModified: '2026-01-01T00:00:00.000Z',
        tags: [],
        siblings,
      });
    }
    const folders = new Set(
      entries.flatMap(({ path }) =>
        path
          .split('/')
          .slice(0, -1)
          .map((_, i, parts) => parts.slice(0, i + 1).join('/')),
      ),
    );
    const all = [
      ...[...folders].map((path) => ({ type: 'directory', oid: hex('sha1', path), size: 0, path })),
      ...entries.map(({ path, bytes, oid, sha256: large }) => ({
        type: 'file',
        oid: large ? hex('sha1', 'pointer', large) : oid,
        size: bytes.length,
        path: this.listedPath(path),
        lfs: large === undefined ? undefined : { oid: large, size: bytes.length, pointerSize: 134 },
        xetHash: large === undefined ? undefined : hex('sha256', 'xet', large),
      })),
    ].filter(({ path }) => query.get('recursive')?.toLowerCase() === 'true' || !path.includes('/'));
    const from = Number(query.get('cursor') ?? 0);
    const rest = from + this.pageSize < all.length;
    query.set('cursor', String(from + this.pageSize));
    const next = `${this.url}${new URL(seen.url, this.url).pathname}?${query.toString()}`;
    json(response, all.slice(from, from + this.pageSize), rest ? { link: `<${next}>; rel="next"` } : {});
  }

  async #answerResolve(
    seen: SeenRequest,
    response: ServerResponse,
    fault: Fault | undefined,
    { type, id, revision, path }: { type: string; id: string; revision: string; path: string },
  ): Promise<void> {
    const repository = this.#find(seen, response, type, id);
    if (!repository) return;
    const token = seen.headers.authorization?.replace(/^Bearer /, '');
    if (repository.gatedTo !== undefined && repository.gatedTo !== token)
      return refuse(
        response,
        token === undefined ? 401 : 403,
        'GatedRepo',
        `Access to ${type} ${id} is restricted.`,
      );
    const files = filesOf(repository, revision);
    if (!files) return refuse(response, 404, 'RevisionNotFound', `Invalid rev id: ${revision}`);
    const entry = entriesOf(files).find((each) => each.path === path);
    const commit = { 'x-repo-commit': commitOf(files) };
    if (!entry) return refuse(response, 404, 'EntryNotFound', 'Entry not found', commit);
    const { bytes, oid, sha256: large } = entry;
    if (large === undefined)
      return send(
        seen,
        response,
        bytes,
        { ...commit, etag: `"${oid}"`, 'content-type': 'text/plain' },
        fault,
      );
    const location = `${this.cdnUrl}/xet/${large}?X-Amz-Signature=signed`;
    response
      .writeHead(302, {
        ...commit,
        location,
        etag: `"${hex('sha1', 'pointer', large)}"`,
        'x-linked-etag': `"${large}"`,
        'x-linked-size': bytes.length,
        'x-xet-hash': hex('sha256', 'xet', large),
        link:
          `<${this.url}/api/${type}s/${id}/xet-read-token/${commit['x-repo-commit']}>; rel="xet-auth", ` +
          '<https://cas.invalid/reconstruction/0>; rel="xet-reconstruction-info"',
        'content-length': 0,
      })
      .end();
  }

  async #answerCdn(seen: SeenRequest, response: ServerResponse, fault: Fault | undefined): Promise<void> {
    // As S3 does: two kinds of authorization at once are an error.
    if (seen.headers.authorization !== undefined)
      return refuse(response, 400, undefined, 'Only one auth mechanism allowed');
    const large = /^\/xet\/([0-9a-f]{64})\?X-Amz-Signature=signed$/.exec(seen.url)?.[1];
    // Small files have no hash and are not here.
    if (large === undefined) return refuse(response, 403, undefined, 'Access denied');
    for (const repository of this.#repositories) {
      for (const files of [repository.files, ...Object.values(repository.revisions ?? {})]) {
        const entry = entriesOf(files).find((each) => each.sha256 === large);
        if (entry) return send(seen, response, entry.bytes, { etag: `"${hex('md5', entry.bytes)}"` }, fault);
      }
    }
    refuse(response, 403, undefined, 'Access denied');
  }
}

/** Files of a folder, for a repository. */
export function filesIn(folder: string): HubFiles {
  return Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [relative(folder, path).split(sep).join('/'), readFileSync(path)]),
  );
}

const cache = new WeakMap<HubFiles, { entries: Entry[]; commit: string }>();

function known(files: HubFiles): { entries: Entry[]; commit: string } {
  const found = cache.get(files);
  if (found) return found;
  const entries = Object.keys(files)
    .sort()
    .map((path): Entry => {
      const contents = files[path];
      const bytes = typeof contents === 'string' ? Buffer.from(contents) : contents;
      return { path, bytes, oid: gitHash(bytes), sha256: LARGE.test(path) ? sha256(bytes) : undefined };
    });
  const made = {
    entries,
    commit: hex('sha1', ...entries.flatMap(({ path, oid }) => [path, '\0', oid, '\0'])),
  };
  cache.set(files, made);
  return made;
}

const entriesOf = (files: HubFiles): Entry[] => known(files).entries;
const commitOf = (files: HubFiles): string => known(files).commit;

/** A branch, a tag, or a commit that one of them is. */
function filesOf({ files, revisions = {} }: HubRepositoryFixture, revision: string): HubFiles | undefined {
  const named: Readonly<Record<string, HubFiles>> = { main: files, HEAD: files, ...revisions };
  return named[revision] ?? Object.values(named).find((each) => commitOf(each) === revision);
}

function json(response: ServerResponse, value: unknown, headers: OutgoingHttpHeaders = {}): void {
  const text = JSON.stringify(value);
  response
    .writeHead(200, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(text),
      ...headers,
    })
    .end(text);
}

function refuse(
  response: ServerResponse,
  status: number,
  code: string | undefined,
  message: string,
  headers: OutgoingHttpHeaders = {},
): void {
  const text = JSON.stringify({ error: message });
  if (code !== undefined) response.setHeader('x-error-code', code);
  response
    .writeHead(status, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(text),
      'x-error-message': message,
      ...headers,
    })
    .end(text);
}

/** A file, or the part of it that Range asks for (If-Range by the ETag), with what goes wrong on the way. */
async function send(
  seen: SeenRequest,
  response: ServerResponse,
  contents: Uint8Array,
  headers: OutgoingHttpHeaders,
  fault: Fault = {},
): Promise<void> {
  const bytes = fault.body ?? contents;
  const condition = seen.headers['if-range'];
  const range =
    fault.noRanges || (condition !== undefined && condition !== headers['etag'])
      ? undefined
      : /^bytes=(\d+)-(\d*)$/.exec(seen.headers.range ?? '');
  const start = range ? Number(range[1]) : 0;
  if (range && start >= bytes.length)
    return void response
      .writeHead(416, { 'content-range': `bytes */${bytes.length}`, 'content-length': 0 })
      .end();
  const end = range?.[2] ? Math.min(Number(range[2]) + 1, bytes.length) : bytes.length;
  const all: OutgoingHttpHeaders = {
    'accept-ranges': 'bytes',
    ...headers,
    'content-length': end - start,
    'content-range': range ? `bytes ${start}-${end - 1}/${bytes.length}` : undefined,
    ...fault.headers,
  };
  response.writeHead(
    range ? 206 : 200,
    Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)),
  );
  if (seen.method === 'HEAD') return void response.end();
  const { cutAfter, stallAfter, pauseBetween } = fault;
  const body = bytes.subarray(start, end);
  const sent = body.subarray(0, Math.min(cutAfter ?? Infinity, stallAfter ?? Infinity, body.length));
  const piece = fault.pieceBytes ?? (sent.length || 1);
  if (sent.length === 0 && (cutAfter !== undefined || stallAfter !== undefined)) response.flushHeaders();
  for (let at = 0; at < sent.length; at += piece) {
    if (pauseBetween !== undefined && at > 0) await sleep(pauseBetween);
    if (response.destroyed) return;
    await new Promise<void>((resolve) => response.write(sent.subarray(at, at + piece), () => resolve()));
  }
  if (stallAfter !== undefined && stallAfter < body.length) return;
  if (cutAfter !== undefined && cutAfter < body.length) return void response.destroy();
  response.end();
}
