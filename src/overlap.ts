/** What a command reads must not be what it writes. Names are compared by what they lead to, links followed. */
import { realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { UsageError } from './errors.js';

export interface Input {
  /** In words: `the model`. */
  readonly what: string;
  /** As given; what is not here (an id of the Hub, a pattern) overlaps nothing. */
  readonly path: string | undefined;
}

/**
 * Refuses an output folder that is one of the inputs, or in which one of them stands where something will be made.
 *
 * @param isMade whether something of that name will be made, replaced or removed in the folder itself
 * @throws UsageError naming both
 */
export async function refuseOverlap(outputDir: string, inputs: readonly Input[], isMade: (name: string) => boolean): Promise<void> {
  const output = await realPath(outputDir);
  for (const { what, path } of inputs) {
    const input = path === undefined || path === '' ? undefined : await realpath(path).catch(() => undefined);
    if (input === undefined) continue;
    const within = input.startsWith(output + sep) ? input.slice(output.length + 1).split(sep, 1)[0] : undefined;
    if (input !== output && (within === undefined || !isMade(within))) continue;
    throw new UsageError(`${outputDir} is to be written into, and ${what}, ${path}, ${input === output ? 'is that very folder' : 'stands in it where the output goes'}`, {
      hint: 'Choose another output folder.',
    });
  }
}

/** Where a path leads, links followed, also where nothing is there yet. */
export async function realPath(path: string): Promise<string> {
  const whole = resolve(path);
  const found = await realpath(whole).catch(() => undefined);
  if (found !== undefined || dirname(whole) === whole) return found ?? whole;
  return join(await realPath(dirname(whole)), basename(whole));
}
