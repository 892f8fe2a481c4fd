/**
 * What a command reads must not be what it writes. Names are compared by what they lead to, links followed.
 */
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { UsageError } from './errors/attune-error.js';

export interface Input {
  /** In words: `the model`. */
  readonly what: string;
  /** As given; what is not here (an id of the Hub, a pattern) overlaps nothing. */
  readonly path: string | undefined;
}

/**
 * Refuses an output folder that is one of the inputs, or in which one of them, or a file of one of them,
 * stands where something will be made.
 *
 * @param isMade whether something of that name will be made, replaced or removed in the folder itself
 * @throws UsageError `output-overlaps-input`
 */
export async function refuseOverlap(
  outputDir: string,
  inputs: readonly Input[],
  isMade: (name: string) => boolean,
): Promise<void> {
  const output = await realPath(outputDir);
  const isInTheWay = (input: string): boolean => {
    const within = nameWithin(output, input);
    return input === output || (within !== undefined && isMade(within));
  };
  for (const { what, path } of inputs) {
    if (path === undefined || path === '') continue;
    for (const input of await placesOf(path)) {
      if (!isInTheWay(input)) continue;
      throw new UsageError('output-overlaps-input', { outputDir, what, path, isFolder: input === output });
    }
  }
}

/**
 * Under which name of a folder itself a path in it lies; undefined of a path elsewhere. Both as `realPath`
 * gives them.
 */
export const nameWithin = (folder: string, path: string): string | undefined =>
  path.startsWith(folder + sep) ? path.slice(folder.length + 1).split(sep, 1)[0] : undefined;

/**
 * Where a path leads and, if to a folder, where its files do: they may be links themselves. None where
 * nothing is there.
 */
async function placesOf(path: string): Promise<string[]> {
  const place = await realpath(path).catch(() => undefined);
  if (place === undefined) return [];
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  const places = [place];
  for (const entry of entries.filter((each) => each.isSymbolicLink())) {
    const link = join(path, entry.name);
    if ((await stat(link).catch(() => undefined))?.isFile()) places.push(await realpath(link));
  }
  return places;
}

/** Where a path leads, links followed in the system's way, also where nothing is there yet. */
export async function realPath(path: string): Promise<string> {
  const found = await realpath(path).catch(() => undefined);
  const above = dirname(path);
  return found ?? (above === path ? path : join(await realPath(above), basename(path)));
}
