/**
 * HTTP with the Hub: proxies, retries, redirects, the token, and errors in words. The token goes to the Hub's
 * own address and to no other; what the Hub redirects to (its content network) gets signed addresses and
 * needs none.
 */
import type { Dispatcher, request } from 'undici';
import { jsonValue } from '../json/syntax.js';
import { packageVersion } from '../version.js';
import { HubError } from './hub-error.js';
import type { HubSettings } from './settings.js';
import { pause } from './pause.js';

/** By their lower-case names. */
export type ResponseHeaders = ReadonlyMap<string, string>;

export interface HubResponse {
  readonly status: number;
  readonly headers: ResponseHeaders;
  /** Headers of the Hub's own answer, where it redirected elsewhere. */
  readonly hubHeaders: ResponseHeaders;
  readonly body: Dispatcher.ResponseData['body'];
}

export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What is asked for, for messages. */
  readonly about: About;
  /** Attempts after the first. */
  readonly retries?: number | undefined;
}

/** What a message names. */
export interface About {
  /** As the user wrote it. */
  readonly repository: string;
  readonly type: 'model' | 'dataset';
  readonly id: string;
  readonly revision: string;
  readonly file?: string;
}

export interface ClientOptions {
  readonly onNote?: ((text: string) => void) | undefined;
  /** Milliseconds before the first further attempt; doubled each time. */
  readonly firstPause?: number;
}

interface Http {
  readonly dispatcher: Dispatcher;
  readonly request: typeof request;
}

const RETRIES = 5;
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 20_000;
/** A server that asks for more patience than this gets an error instead. */
const LONGEST_WAIT = 5 * 60_000;
/** Waits from this on are announced. */
const NOTED_WAIT = 3000;
const REDIRECTS = 8;
/** Of an error's body that is read. */
const ERROR_BYTES = 16 * 1024;
/** Of a page of a listing: the Hub's hold 1,000 entries, some hundred kilobytes. */
const PAGE_BYTES = 32 * 2 ** 20;

export class HubClient {
  #http: Promise<Http> | undefined;
  readonly #endpoint: URL;

  readonly #options: ClientOptions;

  constructor(
    readonly settings: HubSettings,
    options: ClientOptions = {},
  ) {
    this.#options = options;

    this.#endpoint = new URL(settings.endpoint);
  }

  /** Closes idle connections. */
  async close(): Promise<void> {
    await (await this.#http)?.dispatcher.destroy();
  }

  /** Loaded at the first request: most commands make none. */
  #connect(): Promise<Http> {
    const { idleTimeout } = this.settings;
    this.#http ??= import('undici').then(({ EnvHttpProxyAgent, request }) => ({
      dispatcher: new EnvHttpProxyAgent({
        headersTimeout: idleTimeout,
        bodyTimeout: idleTimeout,
        connect: { timeout: idleTimeout },
      }),
      request,
    }));
    return this.#http;
  }

  /**
   * Milliseconds to wait before attempt `attempt` (from 1); a quarter of it is drawn, so that many clients do
   * not come back at once.
   */
  pauseBefore(attempt: number): number {
    const pause = Math.min(LONGEST_PAUSE, (this.#options.firstPause ?? FIRST_PAUSE) * 2 ** (attempt - 1));
    return pause * (0.75 + Math.random() / 4);
  }

  /**
   * A request whose body the caller must read or destroy. Broken connections, 429 and 5xx are tried again,
   * the former two after the time the server names.
   *
   * @throws HubError for any status but 2xx and those in `accept`, and if the Hub cannot be reached; the
   *   signal's reason if it is aborted
   */
  async get(
    url: string,
    { headers = {}, signal, about, retries = RETRIES }: RequestOptions,
    accept: readonly number[] = [],
  ): Promise<HubResponse> {
    for (let attempt = 1; ; attempt++) {
      let response: HubResponse;
      try {
        response = await this.#follow(url, headers, signal);
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof HubError) throw error;
        if (attempt > retries) throw unreachable(this.settings, url, error);
        await pause(this.pauseBefore(attempt), signal);
        continue;
      }
      const { status } = response;
      if ((status >= 200 && status < 300) || accept.includes(status)) return response;
      const text = await errorText(response);
      if (
        attempt > retries ||
        !(status === 429 || status === 408 || (status >= 500 && status !== 501 && status !== 505))
      )
        throw refusal(this.settings, response, about, text);
      await this.#wait(response, attempt, about, signal);
    }
  }

  /**
   * `fetch` for @huggingface/hub: this client's retries, proxies, token and errors; answers are JSON and read
   * whole.
   */
  fetchFor(about: About, signal?: AbortSignal, retries?: number): typeof fetch {
    return async (input) => {
      const url = input instanceof Request ? input.url : String(input);
      const response = await this.get(url, {
        about,
        signal,
        headers: { accept: 'application/json' },
        retries,
      });
      const text = await bounded(response.body, PAGE_BYTES).catch((cause: unknown) => {
        signal?.throwIfAborted();
        throw unreachable(this.settings, url, cause);
      });
      return new Response(text, { status: response.status, headers: [...response.headers] });
    };
  }

  async #wait(
    { status, headers }: HubResponse,
    attempt: number,
    about: About,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const asked = retryAfter(headers);
    if (asked !== undefined && asked > LONGEST_WAIT) {
      throw new HubError('rate-limited', 'hub-wait-too-long', { seconds: Math.ceil(asked / 1000) });
    }
    const ms = Math.max(asked ?? 0, this.pauseBefore(attempt));
    if (ms >= NOTED_WAIT) {
      const why = status === 429 ? 'asks for patience' : `answers ${status}`;
      const seconds = Math.ceil(ms / 1000);
      this.#options.onNote?.(`the Hub ${why}; going on with ${about.repository} in ${seconds} s`);
    }
    await pause(ms, signal);
  }

  async #follow(
    url: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): Promise<HubResponse> {
    const { dispatcher, request } = await this.#connect();
    let target = new URL(url);
    let hubHeaders: ResponseHeaders | undefined;
    for (let hops = 0; hops <= REDIRECTS; hops++) {
      const own = target.origin === this.#endpoint.origin;
      const { token } = this.settings;
      // What the Hub calls a file's contents is unknown elsewhere: there the condition would never hold, and
      // each answer be the whole file.
      const { 'if-range': condition, ...others } = headers;
      const sent: Record<string, string> = {
        'user-agent': `attune/${packageVersion()}`,
        'accept-encoding': 'identity',
        ...others,
      };
      if (own && condition !== undefined) sent['if-range'] = condition;
      if (own && token !== undefined) sent['authorization'] = `Bearer ${token}`;
      const answer = await request(target, {
        dispatcher,
        method: 'GET',
        headers: sent,
        signal: signal ?? null,
      });
      const received = flatHeaders(answer.headers);
      if (own) hubHeaders = new Map([...(hubHeaders ?? []), ...received]);
      const location = received.get('location');
      if (![301, 302, 303, 307, 308].includes(answer.statusCode) || location === undefined) {
        return {
          status: answer.statusCode,
          headers: received,
          hubHeaders: hubHeaders ?? received,
          body: answer.body,
        };
      }
      await answer.body.dump();
      const next = new URL(location, target);
      if (next.protocol !== 'https:' && next.protocol !== target.protocol)
        throw new HubError('server', 'hub-redirect-insecure', {
          from: target.origin,
          to: `${next.protocol}//${next.host}`,
        });
      target = next;
    }
    throw new HubError('server', 'hub-redirects-too-many', { url, limit: REDIRECTS });
  }
}

function flatHeaders(headers: Readonly<Record<string, string | string[] | undefined>>): ResponseHeaders {
  const flat = new Map<string, string>();
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat.set(name.toLowerCase(), Array.isArray(value) ? value.join(', ') : value);
  }
  return flat;
}

/**
 * Milliseconds that `Retry-After` (RFC 9110, section 10.2.3: seconds or a date) or the Hub's `RateLimit`
 * (`"api";r=0;t=55`) ask to wait.
 */
function retryAfter(headers: ResponseHeaders): number | undefined {
  const value = headers.get('retry-after');
  if (value !== undefined) {
    if (/^\d+$/.test(value)) return Number(value) * 1000;
    const date = Date.parse(value);
    if (!Number.isNaN(date)) return Math.max(0, date - Date.now());
  }
  const limit = /;\s*r=0\s*;\s*t=(\d+)/.exec(headers.get('ratelimit') ?? '');
  return limit ? Number(limit[1]) * 1000 : undefined;
}

async function bounded(body: HubResponse['body'], most: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > most) throw new HubError('server', 'hub-answer-too-large', { limit: most });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * What the server says of its refusal: X-Error-Message, or `error` of its JSON. One line, no control
 * characters.
 */
async function errorText({ headers, body }: HubResponse): Promise<string> {
  const text = await bounded(body, ERROR_BYTES).catch(() => '');
  let said = headers.get('x-error-message') ?? '';
  if (said === '') {
    try {
      const json = jsonValue(text) as { error?: unknown } | null;
      if (typeof json?.error === 'string') said = json.error;
    } catch {
      // Not JSON: a page for browsers, of no use here.
    }
  }
  return said
    .replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .trim()
    .slice(0, 300);
}

/** The address of a repository's page. */
export function pageOf(settings: HubSettings, { type, id }: Pick<About, 'type' | 'id'>): string {
  return `${settings.endpoint}/${type === 'dataset' ? 'datasets/' : ''}${id}`;
}

/**
 * The error for a status, told apart as huggingface_hub does (hf_raise_for_status), by X-Error-Code first.
 */
function refusal(
  settings: HubSettings,
  { status, headers }: HubResponse,
  about: About,
  said: string,
): HubError {
  const code = headers.get('x-error-code');
  const { repository, type, id, revision, file } = about;
  const { endpoint } = settings;
  const page = pageOf(settings, about);
  const hasToken = settings.token !== undefined;
  const reason = said === '' ? undefined : said;
  if (code === 'RevisionNotFound')
    return new HubError('revision-not-found', 'hub-revision-not-found', { type, id, revision, page });
  if (code === 'EntryNotFound')
    return new HubError('entry-not-found', 'hub-file-not-found', { type, repository, file, revision, page });
  if (code === 'GatedRepo')
    return new HubError('gated', 'hub-repository-gated', { type, id, page, hasToken, reason });
  if (said === 'Access to this resource is disabled.')
    return new HubError('forbidden', 'hub-repository-disabled', { type, id, page });
  if (status === 401 && /invalid (?:credentials|(?:user )?token)/i.test(said))
    return new HubError('unauthorized', 'hub-token-rejected', { reason });
  if (code === 'RepoNotFound' || status === 401 || status === 404)
    return new HubError('repository-not-found', 'hub-repository-not-found', { type, id, page, hasToken });
  if (status === 403) return new HubError('forbidden', 'hub-permission-missing', { type, id, reason });
  if (status === 429) return new HubError('rate-limited', 'hub-rate-limited', { reason });
  return new HubError('server', 'hub-status-unexpected', { endpoint, status, repository, file, reason });
}

const CAUSES: ReadonlyMap<string, string> = new Map([
  ['ENOTFOUND', 'its name is not known'],
  ['EAI_AGAIN', 'its name cannot be looked up now'],
  ['ECONNREFUSED', 'it refuses connections'],
  ['ECONNRESET', 'the connection was reset'],
  ['ETIMEDOUT', 'it does not answer'],
  ['UND_ERR_CONNECT_TIMEOUT', 'it does not answer'],
  ['UND_ERR_HEADERS_TIMEOUT', 'it does not answer'],
  ['UND_ERR_BODY_TIMEOUT', 'nothing comes any more'],
  ['UND_ERR_SOCKET', 'the connection broke'],
]);

/** Why a connection failed, in words. */
export function failureText(error: unknown): string {
  const codes = errorsWithin(error).flatMap((each) =>
    'code' in each && typeof each.code === 'string' ? [each.code] : [],
  );
  const known = codes.find((code) => CAUSES.has(code));
  return known ? `${CAUSES.get(known)!} (${known})` : errorsWithin(error).at(-1)?.message || String(error);
}

function errorsWithin(error: unknown): Error[] {
  if (!(error instanceof Error)) return [];
  const inner = error instanceof AggregateError ? (error.errors as unknown[]) : [error.cause];
  return [error, ...inner.flatMap(errorsWithin)];
}

/** What an error tells of a connection that failed. */
export function connectionFacts(
  { endpoint }: HubSettings,
  error: unknown,
): { reason: string; endpoint: string; proxy: string | undefined } {
  const proxy =
    process.env['https_proxy'] ??
    process.env['HTTPS_PROXY'] ??
    process.env['http_proxy'] ??
    process.env['HTTP_PROXY'];
  return { reason: failureText(error), endpoint, proxy: proxy ? withoutPassword(proxy) : undefined };
}

function unreachable(settings: HubSettings, url: string, cause: unknown): HubError {
  if (cause instanceof HubError) return cause;
  const facts = { host: new URL(url).host, ...connectionFacts(settings, cause) };
  return new HubError('network', 'hub-unreachable', facts, { cause });
}

function withoutPassword(address: string): string {
  return address.replace(/\/\/[^/@]*@/, '//');
}
