/** What is wrong between here and the Hugging Face Hub, and in its cache. */
import type { InnerError } from '../wording.js';
import { worded } from '../wording.js';

const DEFAULT_ENDPOINT = 'https://huggingface.co';
const IS_IT_A_HUB = 'Is HF_ENDPOINT the address of a Hub?';
const OR_A_PROXY = `${IS_IT_A_HUB} A proxy may also have answered.`;
const ANOTHER_FOLDER = 'Set HF_HUB_CACHE or HF_HOME to use another cache folder';
const MAKE_ROOM =
  'Make room (scanHubCache lists what was downloaded, pruneHubCache removes it), ' +
  'or set HF_HUB_CACHE to a folder on another disk.';
const TOKEN_HINT =
  'set HF_TOKEN to a token of https://huggingface.co/settings/tokens that may read it, or log in with `hf auth login`.';

/** What the Hub answered beside its status, if it did. */
const inBrackets = (reason: string | undefined): string => (reason === undefined ? '' : ` (${reason})`);

interface Connection {
  readonly endpoint: string;
  readonly proxy?: string | undefined;
}

/** What may be wrong with a connection that failed. */
function checkConnection({ endpoint, proxy }: Connection): string {
  return [
    'Is the network up?',
    proxy === undefined ? 'Behind a proxy, set HTTPS_PROXY.' : `Is the proxy ${proxy} right?`,
    ...(endpoint === DEFAULT_ENDPOINT ? [] : [`Is HF_ENDPOINT (${endpoint}) right?`]),
    'What is in the cache can be used with HF_HUB_OFFLINE=1.',
  ].join(' ');
}

export const HUB_ERRORS = {
  'cache-disk-full': worded<{ path: string }>({
    says: ({ path }) => `the disk is full: ${path} cannot be written`,
    hint: () => `${MAKE_ROOM} What was downloaded so far is kept, and the next attempt resumes from there.`,
  }),
  'cache-entry-ambiguous': worded<{ given: string; entries: readonly { type: string; id: string }[] }>({
    says: ({ given, entries }) =>
      `${given} is both a ${entries.map(({ type }) => type).join(' and a ')} in the cache`,
    hint: ({ entries }) => `Say which: ${entries.map(({ type, id }) => `${type}s/${id}`).join(' or ')}.`,
  }),
  'cache-entry-unknown': worded<{ given: string; cacheDir: string }>({
    says: ({ given, cacheDir }) => `${given} is not in the cache ${cacheDir}`,
    hint: () => 'scanHubCache lists what is in it.',
  }),
  'cache-files-missing': worded<{
    repository: string;
    files: readonly string[];
    folder: string;
    /** Whether the Hub was not to be asked; false if it could not be reached. */
    offline: boolean;
  }>({
    says: ({ repository, files, folder, offline }) =>
      `${repository} is in the cache, but without ${files.join(', ')} (${folder}), ` +
      `and the Hub ${offline ? 'is not asked: offline' : 'cannot be reached'}`,
    hint: () =>
      'Unset HF_HUB_OFFLINE, if it is set, and try again with a network connection to download what is missing.',
  }),
  'cache-prune-unspecified': worded<Record<string, never>>({
    says: () => 'no entries to remove from the cache are given',
    hint: (_, { argument, given }) =>
      `Give ${argument('ids')}, ${argument('olderThanDays')}, or ${given('incomplete', true)}.`,
  }),
  'cache-repository-missing': worded<{ type: string; repository: string; folder: string }>({
    says: ({ type, repository, folder }) =>
      `the ${type} ${repository} is not in the cache (${folder}), and the Hub is not asked: offline`,
    hint: () =>
      'Unset HF_HUB_OFFLINE to download it, or set HF_HUB_CACHE or HF_HOME to the cache that holds it.',
  }),
  'cache-space-insufficient': worded<{ file: string; needed: number; folder: string; free: number }>({
    says: ({ file, needed, folder, free }) =>
      `${file} needs ${needed} bytes more, and the disk of ${folder} has ${free} free`,
    hint: () => MAKE_ROOM,
  }),
  'cache-unreadable': worded<{ path: string; reason: string }>({
    says: ({ path, reason }) => `cannot read ${path}: ${reason}`,
    hint: () => `${ANOTHER_FOLDER}.`,
  }),
  'cache-unwritable': worded<{ path: string; reason: string }>({
    says: ({ path, reason }) => `cannot write ${path}: ${reason}`,
    hint: () => `${ANOTHER_FOLDER}; with HF_HUB_OFFLINE=1, what is in this one is used as it is.`,
  }),
  'hub-answer-invalid': worded<{ endpoint: string; repository: string; reason: string }>({
    says: ({ endpoint, repository, reason }) =>
      `${endpoint} does not answer as a Hub does when asked for ${repository}: ${reason}`,
    hint: () => OR_A_PROXY,
  }),
  'hub-answer-too-large': worded<{ limit: number }>({
    says: ({ limit }) => `the Hub answers with a listing of more than ${limit} bytes`,
    hint: () => OR_A_PROXY,
  }),
  'hub-commit-missing': worded<{ endpoint: string; repository: string }>({
    says: ({ endpoint, repository }) => `${endpoint} gives no commit for ${repository}`,
    hint: () => IS_IT_A_HUB,
  }),
  'hub-download-stopped': worded<{
    file: string;
    repository: string;
    /** Bytes that were downloaded. */
    position: number;
    size: number;
    reason: string;
    endpoint: string;
    proxy?: string | undefined;
  }>({
    says: ({ file, repository, position, size, reason }) =>
      `the download of ${file} of ${repository} stopped at byte ${position} of ${size}: ${reason}`,
    hint: (facts) =>
      `What was downloaded so far is kept, and the next attempt resumes from there. ${checkConnection(facts)}`,
  }),
  'hub-endpoint-invalid': worded<{ endpoint: string }>({
    says: ({ endpoint }) => `HF_ENDPOINT is ${endpoint}, which is not the address of a Hub`,
    hint: () => `Give it as ${DEFAULT_ENDPOINT}.`,
  }),
  'hub-etag-wrong': worded<{ file: string; repository: string; found: string; expected: string }>({
    says: ({ file, repository, found, expected }) =>
      `the Hub serves ${file} of ${repository} with the ETag ${found}, but lists ${expected}`,
    hint: () => 'Try again; the repository may just have been changed.',
  }),
  'hub-file-damaged': worded<{
    file: string;
    repository: string;
    algorithm: 'sha256' | 'git-sha1';
    found: string;
    expected: string;
  }>({
    says: ({ file, repository, algorithm, found, expected }) =>
      `${file} of ${repository} arrived damaged: its ${algorithm === 'sha256' ? 'sha256' : 'git hash'} ` +
      `is ${found}, but the Hub lists ${expected}; it was not kept`,
    hint: () =>
      'Try again. If this happens again, a proxy or a mirror (HF_ENDPOINT) between here and the Hub changes files.',
  }),
  'hub-file-name-unsafe': worded<{ repository: string; file: string }>({
    says: ({ repository, file }) =>
      `${repository} holds a file named ${JSON.stringify(file.slice(0, 200))}, ` +
      'which would lead outside its folder; nothing of it is used',
    hint: () => 'Such a name is an attack or a mistake: tell the owner of the repository.',
  }),
  'hub-file-not-found': worded<{
    type: string;
    repository: string;
    file?: string | undefined;
    revision: string;
    page: string;
  }>({
    says: ({ type, repository, file }) =>
      `the ${type} ${repository} on the Hub has no file ${file ?? 'of that name'}`,
    hint: ({ page, revision }) => `Its files are listed at ${page}/tree/${revision}.`,
  }),
  'hub-file-size-wrong': worded<{ file: string; repository: string; found: number; expected: number }>({
    says: ({ file, repository, found, expected }) =>
      `${file} of ${repository} has ${found} bytes, but the Hub lists ${expected}`,
    hint: () => 'A proxy may have answered in place of the Hub.',
  }),
  'hub-file-too-long': worded<{ file: string; repository: string; expected: number }>({
    says: ({ file, repository, expected }) =>
      `${file} of ${repository} has more than the ${expected} bytes that the Hub lists`,
    hint: () => 'A proxy may have answered in place of the Hub.',
  }),
  'hub-id-invalid': worded<{ id: string; type: string }>({
    says: ({ id, type }) => `${id} is not the id of a ${type} on the Hub`,
    hint: () => 'An id is owner/name, optionally followed by @revision.',
  }),
  'hub-listing-incomplete': worded<{ repository: string; file: string }>({
    says: ({ repository, file }) => `the Hub’s listing of ${repository} has no size and hash for ${file}`,
    hint: () => IS_IT_A_HUB,
  }),
  'hub-name-neither-path-nor-id': worded<{ name: string; path: string; type: string }>({
    says: ({ name, path, type }) =>
      `${name} is neither a file or folder (${path} does not exist) nor a valid id of a ${type} on the Hub`,
    hint: () =>
      'An id is owner/name or name, of letters, digits, ".", "_" and "-", optionally followed by @revision.',
  }),
  'hub-name-not-here': worded<{
    name: string;
    /** Where a file or folder of that name would be. */
    path: string;
    /** Of the Hub. */
    error: InnerError;
  }>({
    says: ({ name, path, error }, { sentence }) =>
      `${name}: there is no file or folder ${path}, and ${sentence(error)}`,
    hint: ({ error }, { hint }) => hint(error),
  }),
  'hub-permission-missing': worded<{ type: string; id: string; reason?: string | undefined }>({
    says: ({ type, id, reason }) =>
      `the Hub does not let this token read the ${type} ${id}${inBrackets(reason)}`,
    hint: () => `A fine-grained token needs the permission to read it: ${TOKEN_HINT}`,
  }),
  'hub-rate-limited': worded<{ reason?: string | undefined }>({
    says: ({ reason }) => `the Hub takes no more requests for now${inBrackets(reason)}`,
    hint: () => 'Try again in a few minutes. With a token (HF_TOKEN) the limits are higher.',
  }),
  'hub-redirect-insecure': worded<{ from: string; to: string }>({
    says: ({ from, to }) => `${from} redirects to ${to}, which is less secure; it is not followed`,
    hint: () => OR_A_PROXY,
  }),
  'hub-redirects-too-many': worded<{ url: string; limit: number }>({
    says: ({ url, limit }) => `${url} redirects more than ${limit} times`,
    hint: () => OR_A_PROXY,
  }),
  'hub-repository-disabled': worded<{ type: string; id: string; page: string }>({
    says: ({ type, id }) => `the Hub has disabled the ${type} ${id}`,
    hint: ({ page }) => `Its page is ${page}.`,
  }),
  'hub-repository-gated': worded<{
    type: string;
    id: string;
    page: string;
    hasToken: boolean;
    reason?: string | undefined;
  }>({
    says: ({ type, id, reason }) =>
      `the ${type} ${id} is gated: access to it must be requested${inBrackets(reason)}`,
    hint: ({ page, hasToken }) => {
      const then = hasToken
        ? 'The token that is set must belong to the account that has access, ' +
          'and may need the permission to read gated repositories.'
        : `Then ${TOKEN_HINT}`;
      return `Request access at ${page}, logged in. ${then}`;
    },
  }),
  'hub-repository-not-found': worded<{ type: string; id: string; page: string; hasToken: boolean }>({
    says: ({ type, id, hasToken }) =>
      `there is no ${type} ${id} on the Hub, or it is private` +
      (hasToken ? ' and the token that is set does not open it' : ''),
    hint: ({ page, hasToken }) => {
      const ifPrivate = hasToken
        ? 'If it is private, the token must be valid and of an account that can see it.'
        : `If it is private, ${TOKEN_HINT}`;
      return `Is it spelled as on its page, ${page}? ${ifPrivate}`;
    },
  }),
  'hub-revision-invalid': worded<{ id: string; revision: string }>({
    says: ({ revision }) => `${JSON.stringify(revision)} is not the name of a branch, a tag or a commit`,
    hint: ({ id }) => `For example ${id}@main.`,
  }),
  'hub-revision-not-found': worded<{ type: string; id: string; revision: string; page: string }>({
    says: ({ type, id, revision }) => `the ${type} ${id} on the Hub has no revision ${revision}`,
    hint: ({ page }) => `Its branches and tags are listed at ${page}/tree/main.`,
  }),
  'hub-revisions-conflict': worded<{ name: string; revision: string }>({
    says: ({ name, revision }) => `${name} has a revision of its own, and ${revision} is given as well`,
    hint: () => 'Give one of them.',
  }),
  'hub-status-unexpected': worded<{
    endpoint: string;
    status: number;
    repository: string;
    file?: string | undefined;
    reason?: string | undefined;
  }>({
    says: ({ endpoint, status, repository, file, reason }) => {
      const from = endpoint === DEFAULT_ENDPOINT ? 'the Hub' : `the Hub at ${endpoint}`;
      const asked = file === undefined ? repository : `${file} of ${repository}`;
      return `${from} answers ${status} when asked for ${asked}${inBrackets(reason)}`;
    },
    hint: ({ status }) =>
      status >= 500
        ? 'Its state is at https://status.huggingface.co. What was downloaded so far is kept; try again later.'
        : OR_A_PROXY,
  }),
  'hub-token-malformed': worded<Record<string, never>>({
    says: () => 'the Hugging Face token holds characters that no token has',
    hint: () => 'Look at HF_TOKEN, or at the file that `hf auth login` wrote. A token begins with hf_.',
  }),
  'hub-token-rejected': worded<{ reason?: string | undefined }>({
    says: ({ reason }) => `the Hub does not accept the token${inBrackets(reason)}`,
    hint: () =>
      'HF_TOKEN, or the file that `hf auth login` wrote, holds a token that has expired or is mistyped. ' +
      'Public repositories can be read without a token.',
  }),
  'hub-unreachable': worded<{
    host: string;
    reason: string;
    endpoint: string;
    proxy?: string | undefined;
  }>({
    says: ({ host, reason }) => `cannot reach ${host}: ${reason}`,
    hint: (facts) => checkConnection(facts),
  }),
  'hub-wait-too-long': worded<{ seconds: number }>({
    says: ({ seconds }) => `the Hub asks to wait ${seconds} s before the next request`,
    hint: () => 'Try again then. With a token (HF_TOKEN) the limits are higher.',
  }),
};
