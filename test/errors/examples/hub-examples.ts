import type { HUB_ERRORS } from '#attune/errors/codes/hub-errors.js';
import type { Examples } from './examples.js';

const CACHE = '/home/me/.cache/huggingface/hub';
const FOLDER = `${CACHE}/models--owner--name`;
const PAGE = 'https://huggingface.co/owner/name';
const ENDPOINT = 'https://huggingface.co';
const MIRROR = 'https://mirror.example';
const PROXY = 'http://proxy.example:3128';
const SHA256 = '2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae';
const OTHER_SHA256 = 'fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9';
const SHA1 = '0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33';
const OTHER_SHA1 = '62cdb7020ff920e5aa642c3d4066950dd1f01f4d';
const WEIGHTS = { file: 'model.safetensors', repository: 'owner/name' };
const DOWNLOAD = { ...WEIGHTS, position: 1000, size: 3000, reason: 'the connection was reset (ECONNRESET)' };
const CONNECTION = { host: 'huggingface.co', reason: 'its name is not known (ENOTFOUND)' };

export const HUB_EXAMPLES: Examples<typeof HUB_ERRORS> = {
  'cache-disk-full': [{ path: `${FOLDER}/blobs/${SHA256}` }],
  'cache-entry-ambiguous': [
    {
      given: 'owner/name',
      entries: [
        { type: 'dataset', id: 'owner/name' },
        { type: 'model', id: 'owner/name' },
      ],
    },
  ],
  'cache-entry-unknown': [{ given: 'owner/other', cacheDir: CACHE }],
  'cache-files-missing': [
    { repository: 'owner/name', files: ['config.json'], folder: FOLDER, offline: true },
    { repository: 'owner/name', files: ['config.json', 'merges.txt'], folder: FOLDER, offline: false },
  ],
  'cache-prune-unspecified': [{}],
  'cache-repository-missing': [{ type: 'model', repository: 'owner/name@v2', folder: FOLDER }],
  'cache-space-insufficient': [
    { file: 'model.safetensors', needed: 548105171, folder: `${FOLDER}/blobs`, free: 1048576 },
  ],
  'cache-unreadable': [{ path: CACHE, reason: `ENOTDIR: not a directory, scandir '${CACHE}'` }],
  'cache-unwritable': [{ path: FOLDER, reason: `EACCES: permission denied, mkdir '${FOLDER}'` }],
  'hub-answer-invalid': [
    { endpoint: MIRROR, repository: 'owner/name', reason: 'Unexpected token <, "<html>" is not valid JSON' },
  ],
  'hub-answer-too-large': [{ limit: 33554432 }],
  'hub-commit-missing': [{ endpoint: MIRROR, repository: 'owner/name' }],
  'hub-download-stopped': [
    { ...DOWNLOAD, endpoint: ENDPOINT },
    { ...DOWNLOAD, endpoint: MIRROR, proxy: PROXY },
  ],
  'hub-endpoint-invalid': [{ endpoint: 'ftp://mirror.example' }],
  'hub-etag-wrong': [{ ...WEIGHTS, found: OTHER_SHA256, expected: SHA256 }],
  'hub-file-damaged': [
    { ...WEIGHTS, algorithm: 'sha256', found: OTHER_SHA256, expected: SHA256 },
    {
      file: 'config.json',
      repository: 'owner/name',
      algorithm: 'git-sha1',
      found: OTHER_SHA1,
      expected: SHA1,
    },
  ],
  'hub-file-name-unsafe': [{ repository: 'owner/name', file: '../../.bashrc' }],
  'hub-file-not-found': [
    { type: 'dataset', repository: 'owner/name', file: 'train.csv', revision: 'main', page: PAGE },
    { type: 'dataset', repository: 'owner/name', revision: 'main', page: PAGE },
  ],
  'hub-file-size-wrong': [{ ...WEIGHTS, found: 1234, expected: 3000 }],
  'hub-file-too-long': [{ ...WEIGHTS, expected: 3000 }],
  'hub-id-invalid': [{ id: 'no id', type: 'dataset' }],
  'hub-listing-incomplete': [{ repository: 'owner/name', file: 'config.json' }],
  'hub-name-neither-path-nor-id': [{ name: 'my model', path: '/home/me/my model', type: 'model' }],
  'hub-name-not-here': [
    {
      name: 'owner/name',
      path: '/home/me/owner/name',
      error: { code: 'hub-token-rejected', facts: {} },
    },
  ],
  'hub-permission-missing': [
    { type: 'model', id: 'owner/name' },
    { type: 'model', id: 'owner/name', reason: 'Forbidden' },
  ],
  'hub-rate-limited': [{}, { reason: 'Too many requests' }],
  'hub-redirect-insecure': [{ from: ENDPOINT, to: 'http://mirror.example' }],
  'hub-redirects-too-many': [{ url: `${MIRROR}/owner/name/resolve/main/config.json`, limit: 8 }],
  'hub-repository-disabled': [{ type: 'model', id: 'owner/name', page: PAGE }],
  'hub-repository-gated': [
    { type: 'model', id: 'owner/name', page: PAGE, hasToken: false },
    { type: 'model', id: 'owner/name', page: PAGE, hasToken: true, reason: 'Access is restricted' },
  ],
  'hub-repository-not-found': [
    { type: 'model', id: 'owner/name', page: PAGE, hasToken: false },
    { type: 'model', id: 'owner/name', page: PAGE, hasToken: true },
  ],
  'hub-revision-invalid': [{ id: 'owner/name', revision: '../x' }],
  'hub-revision-not-found': [{ type: 'model', id: 'owner/name', revision: 'v9', page: PAGE }],
  'hub-revisions-conflict': [{ name: 'owner/name@v1', revision: 'v2' }],
  'hub-status-unexpected': [
    { endpoint: ENDPOINT, status: 502, repository: 'owner/name' },
    { endpoint: MIRROR, status: 418, ...WEIGHTS, reason: 'I am a teapot' },
  ],
  'hub-token-malformed': [{}],
  'hub-token-rejected': [{}, { reason: 'Invalid credentials' }],
  'hub-unreachable': [
    { ...CONNECTION, endpoint: ENDPOINT },
    { ...CONNECTION, endpoint: MIRROR, proxy: PROXY },
  ],
  'hub-wait-too-long': [{ seconds: 3600 }],
};
