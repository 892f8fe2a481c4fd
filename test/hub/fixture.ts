/** A dataset on a local Hub whose answers can be made to fail, and a download of it. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { ErrorCode, FactsOf } from '#attune/errors/catalogue.js';
import { HubError } from '#attune/hub/hub-error.js';
import type { HubErrorKind } from '#attune/hub/hub-error.js';
import { HubRepository } from '#attune/hub/repository.js';
import type { RepositoryOptions } from '#attune/hub/repository.js';
import { folder } from '../support/folder.js';
import { HubServer } from '../support/hub-server.js';
import type { HubFiles, HubRepositoryFixture } from '../support/hub-server.js';
import { Random } from '../support/random.js';
import { refusal } from '../support/refusal.js';

const random = new Random(1);
export const LARGE = Uint8Array.from({ length: 3000 }, () => random.integer(0, 255));
export const FILES: HubFiles = {
  'config.json': '{"a": 1}',
  'data/big.parquet': LARGE,
  'data/ü #1?.csv': 'text,label\n',
  'empty.txt': '',
  'none.bin': new Uint8Array(0),
};
export const ID = { type: 'dataset', id: 'tiny/tweets', revision: 'main' } as const;
export const FIXTURE: HubRepositoryFixture = { type: 'dataset', id: ID.id, files: FILES };

export const REPOSITORY = { type: ID.type, id: ID.id };

export const bytesOf = (name: string): Buffer => Buffer.from(FILES[name] as string);
const settings = (server: HubServer, cacheDir: string): RepositoryOptions => ({
  endpoint: server.url,
  cacheDir,
  token: false,
  firstPause: 1,
});
export const blobs = (cacheDir: string): string[] =>
  readdirSync(join(cacheDir, 'datasets--tiny--tweets', 'blobs')).sort();
/** For `assert.rejects`: a HubError of this kind and code with, among others, these facts. */
export const isHubError =
  <Code extends ErrorCode>(kind: HubErrorKind, code: Code, facts: Partial<FactsOf<Code>> = {}) =>
  (error: unknown): true => {
    refusal(HubError, code, facts)(error);
    assert.equal((error as HubError).kind, kind);
    return true;
  };

export async function download(
  options: RepositoryOptions,
  paths: readonly string[] = Object.keys(FILES),
): Promise<string[]> {
  const repository = await HubRepository.open(ID, options);
  try {
    return await repository.fetch(paths);
  } finally {
    await repository.close();
  }
}

export async function setUp(
  t: TestContext,
  fixture: Partial<HubRepositoryFixture> = {},
): Promise<{ server: HubServer; cacheDir: string; options: RepositoryOptions }> {
  const server = await HubServer.start(t, [{ ...FIXTURE, ...fixture }]);
  const cacheDir = folder(t);
  return { server, cacheDir, options: settings(server, cacheDir) };
}
