/**
 * Where the Hub and its cache are and who asks, from the environment variables that huggingface_hub reads
 * (https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables).
 */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { UsageError } from '../errors/attune-error.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What has been downloaded of a repository, and what will be. */
export interface HubProgress {
  /** The repository as the user named it. */
  readonly repository: string;
  /** Files and bytes that were not in the cache when the download began. */
  readonly files: number;
  readonly total: number;
  /**
   * Of `total`, bytes that are on this machine; those of an earlier, broken download count from the start.
   */
  readonly received: number;
  /** The cache folder. */
  readonly cacheDir: string;
}

/** A repository at the commit that its files are taken from. */
export interface HubCommit {
  readonly type: 'model' | 'dataset';
  readonly id: string;
  /** The branch, tag or commit that was asked for. */
  readonly revision: string;
  /** 40 hexadecimal digits. */
  readonly commit: string;
}

/** How the Hub is used; all of it has defaults from the environment. */
export interface HubOptions {
  /** Branch, tag or commit; absent: what stands behind the `@` of the id, or `main`. */
  readonly revision?: string | undefined;
  /** Commit of the parquet that the Hub made of a dataset, where that is what is read; absent: the newest. */
  readonly convertedCommit?: string | undefined;
  /** HF_TOKEN, or the token file that `hf auth login` writes; false: none. */
  readonly token?: string | false | undefined;
  /** HF_HUB_CACHE, or `hub` in HF_HOME. */
  readonly cacheDir?: string | undefined;
  /** Use nothing but the cache (HF_HUB_OFFLINE). */
  readonly localFilesOnly?: boolean | undefined;
  /** HF_ENDPOINT, or https://huggingface.co. */
  readonly endpoint?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * Called while files are downloaded, at most ten times a second and at the end; never where all is in the
   * cache.
   */
  readonly onProgress?: ((progress: HubProgress) => void) | undefined;
  /**
   * Called with what the user should know: that the cache was used because the Hub is out of reach, that a
   * wait is long.
   */
  readonly onNote?: ((text: string) => void) | undefined;
  /** Called once a repository's commit is known, whether the Hub or the cache named it. */
  readonly onCommit?: ((used: HubCommit) => void) | undefined;
}

export interface HubSettings {
  /** Without a slash at its end. */
  readonly endpoint: string;
  readonly token: string | undefined;
  readonly cacheDir: string;
  readonly offline: boolean;
  /** Milliseconds in which some byte must come; a slow connection that goes on is never given up. */
  readonly idleTimeout: number;
  /** Symbolic links in the cache; false: copies (HF_HUB_DISABLE_SYMLINKS). */
  readonly symlinks: boolean;
}

const DEFAULT_ENDPOINT = 'https://huggingface.co';
const DEFAULT_IDLE_SECONDS = 30;

/** @throws UsageError `hub-endpoint-invalid`, `hub-token-malformed` */
export function hubSettings(options: HubOptions = {}, env: Environment = process.env): HubSettings {
  const idle = Number(env['HF_HUB_DOWNLOAD_TIMEOUT']);
  return {
    endpoint: checkedEndpoint(options.endpoint ?? (given(env, 'HF_ENDPOINT') || DEFAULT_ENDPOINT)),
    token: options.token === false ? undefined : checkedToken(options.token ?? tokenOf(env)),
    cacheDir: options.cacheDir === undefined ? hubCacheDir(env) : resolve(options.cacheDir),
    offline:
      options.localFilesOnly ?? isTrue(given(env, 'HF_HUB_OFFLINE') || given(env, 'TRANSFORMERS_OFFLINE')),
    idleTimeout: 1000 * (idle > 0 ? idle : DEFAULT_IDLE_SECONDS),
    symlinks: !isTrue(env['HF_HUB_DISABLE_SYMLINKS']),
  };
}

/** The Hub's cache folder. */
export function hubCacheDir(env: Environment = process.env): string {
  const chosen = given(env, 'HF_HUB_CACHE') || given(env, 'HUGGINGFACE_HUB_CACHE');
  return resolve(chosen ? expand(chosen, env) : join(huggingFaceHome(env), 'hub'));
}

function huggingFaceHome(env: Environment): string {
  const home =
    given(env, 'HF_HOME') || join(given(env, 'XDG_CACHE_HOME') || join(homeOf(env), '.cache'), 'huggingface');
  return expand(home, env);
}

function tokenOf(env: Environment): string | undefined {
  if (isTrue(env['HF_HUB_DISABLE_IMPLICIT_TOKEN'])) return undefined;
  const token = given(env, 'HF_TOKEN') || given(env, 'HUGGING_FACE_HUB_TOKEN');
  if (token) return token;
  const path = given(env, 'HF_TOKEN_PATH');
  try {
    return (
      readFileSync(path ? expand(path, env) : join(huggingFaceHome(env), 'token'), 'utf8').trim() || undefined
    );
  } catch {
    return undefined; // Nobody has logged in on this machine.
  }
}

/** A header cannot hold line feeds, and the error must not show the token. */
function checkedToken(token: string | undefined): string | undefined {
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    throw new UsageError('hub-token-malformed', {});
  }
  return token;
}

function checkedEndpoint(endpoint: string): string {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (
    !url ||
    (url.protocol !== 'https:' && url.protocol !== 'http:') ||
    url.search !== '' ||
    url.hash !== ''
  ) {
    throw new UsageError('hub-endpoint-invalid', { endpoint });
  }
  return endpoint.replace(/\/+$/, '');
}

/** A variable's value without the space that a shell script may have left around it. */
function given(env: Environment, name: string): string | undefined {
  return env[name]?.trim();
}

const isTrue = (value: string | undefined): boolean =>
  ['1', 'ON', 'YES', 'TRUE'].includes(value?.trim().toUpperCase() ?? '');

const homeOf = (env: Environment): string => env['HOME'] || env['USERPROFILE'] || homedir();

/** `~` and variables, as Python's expanduser and expandvars. */
function expand(path: string, env: Environment): string {
  const home = path === '~' || /^~[/\\]/.test(path) ? homeOf(env) + path.slice(1) : path;
  return home.replace(
    /\$(?:\{(\w+)\}|(\w+))/g,
    (whole, braced: string | undefined, bare: string | undefined) => {
      const name = braced ?? bare ?? '';
      // Own variables only: "$constructor" is no variable of any environment.
      return (Object.hasOwn(env, name) ? env[name] : undefined) ?? whole;
    },
  );
}
