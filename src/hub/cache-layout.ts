/**
 * The Hub's cache on disk, shared with Python
 * (https://huggingface.co/docs/huggingface_hub/guides/manage-cache):
 *
 *     models--openai-community--gpt2/
 *       refs/main                           the commit that `main` was when it was last asked for
 *       blobs/<etag>                        contents: sha256 of a large file, git's sha1 of a small one
 *       blobs/<etag>.incomplete             what has come of it so far
 *       snapshots/<commit>/config.json      -> ../../blobs/<etag>
 *     .locks/models--openai-community--gpt2/<etag>.attune-lock
 *
 * Nothing appears under its name before it is whole. What is being made lies in `blobs`, because Python takes
 * every file under `refs` and `snapshots` at its word.
 */
import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, readFile, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { HubError } from './hub-error.js';
import { folderName, isCommit } from './identifiers.js';
import type { RepositoryId } from './identifiers.js';

export const INCOMPLETE = '.incomplete';
export const LOCKS = '.locks';
const TAG =
  'Signature: 8a477f597d28d172789f06886806bc55\n' +
  '# This file marks a cache folder (https://bford.info/cachedir/). Backups may leave it out.\n';

export class CachedRepository {
  readonly folder: string;

  readonly #symlinks: boolean;

  constructor(
    readonly cacheDir: string,
    readonly repository: RepositoryId,
    symlinks: boolean,
  ) {
    this.#symlinks = symlinks;

    this.folder = join(cacheDir, folderName(repository));
  }

  blob(etag: string): string {
    return join(this.folder, 'blobs', etag);
  }

  snapshot(commit: string): string {
    return join(this.folder, 'snapshots', commit);
  }

  lock(etag: string): string {
    return join(this.cacheDir, LOCKS, folderName(this.repository), `${etag}.attune-lock`);
  }

  /** The commit that the revision was when it was last asked for. */
  async commit(): Promise<string | undefined> {
    const { revision } = this.repository;
    if (isCommit(revision)) return revision;
    const text = await readFile(join(this.folder, 'refs', ...revision.split('/')), 'utf8').catch(() => '');
    return isCommit(text.trim()) ? text.trim() : undefined;
  }

  /**
   * Keeps which commit the revision is now. The snapshot's folder is made first: Python holds a reference to
   * a snapshot that is not there for damage.
   */
  async keepCommit(commit: string): Promise<void> {
    await mkdir(this.snapshot(commit), { recursive: true });
    const { revision } = this.repository;
    if (isCommit(revision) || (await this.commit()) === commit) return;
    await this.#place(join(this.folder, 'refs', ...revision.split('/')), (partial) =>
      writeFile(partial, commit),
    );
  }

  /** The file of a snapshot where it is here and, where `size` is given, as large as it should be. */
  async file(commit: string, path: string, size?: number): Promise<string | undefined> {
    const pointer = this.#pointer(commit, path);
    const found = await stat(pointer).catch(() => undefined);
    return found?.isFile() && (size === undefined || found.size === size) ? pointer : undefined;
  }

  /** Paths of the files of a snapshot that are here, with `/`. */
  async files(commit: string): Promise<string[]> {
    const root = this.snapshot(commit);
    const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
    const paths = entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'));
    const here = await Promise.all(paths.map((path) => this.file(commit, path)));
    return paths.filter((_, i) => here[i] !== undefined).sort();
  }

  /**
   * Makes a blob that is here the snapshot's file; a copy where the system allows no links. @returns its path
   */
  async point(commit: string, path: string, etag: string): Promise<string> {
    const pointer = this.#pointer(commit, path);
    const blob = this.blob(etag);
    await this.#place(pointer, async (partial) => {
      if (this.#symlinks) {
        const linked = await symlink(relative(dirname(pointer), blob), partial).then(
          () => true,
          (error: NodeJS.ErrnoException) => {
            if (['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL', 'UNKNOWN'].includes(error.code ?? ''))
              return false;
            throw error;
          },
        );
        if (linked) return;
      }
      await copyFile(blob, partial);
    });
    return pointer;
  }

  /** Marks the cache so that backups can leave it out, as huggingface_hub does. */
  async tag(): Promise<void> {
    await mkdir(join(this.folder, 'blobs'), { recursive: true });
    await writeFile(join(this.cacheDir, 'CACHEDIR.TAG'), TAG, { flag: 'wx' }).catch(() => undefined);
  }

  #pointer(commit: string, path: string): string {
    return join(this.snapshot(commit), ...path.split('/'));
  }

  async #place(path: string, make: (partial: string) => Promise<void>): Promise<void> {
    const partial = join(this.folder, 'blobs', `.${randomUUID()}${INCOMPLETE}`);
    try {
      await mkdir(dirname(path), { recursive: true });
      await mkdir(dirname(partial), { recursive: true });
      await make(partial);
      await rename(partial, path);
    } catch (cause) {
      await rm(partial, { force: true }).catch(() => undefined);
      throw diskError(path, cause);
    }
  }
}

/** A failure to write into the cache. */
export function diskError(path: string, cause: unknown): HubError {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new HubError('disk', 'cache-disk-full', { path }, { cause });
  return new HubError('disk', 'cache-unwritable', { path, reason: message }, { cause });
}
