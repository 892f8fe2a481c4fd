/** Work in an output folder, as commands do it. */
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import fsPromises from 'node:fs/promises';
import { join } from 'node:path';
import { OutputFolder } from '#attune/train/output-folder.js';
import type { Preparation } from '#attune/train/output-folder.js';
import { RECORD_FILE } from '#attune/train/output-record.js';
import { RUN_FILES } from '#attune/train/run-names.js';

/** Opens and prepares a folder, does some work in it and gives its lock back. */
export async function within(
  dir: string,
  preparation: Preparation,
  work: (output: OutputFolder) => Promise<unknown> = () => Promise.resolve(),
): Promise<void> {
  const output = await OutputFolder.open(dir);
  try {
    await output.prepare(preparation);
    await work(output);
  } finally {
    await output.close();
  }
}

export const RUN = { makes: RUN_FILES, checkpointsAfter: 0 } as const;
export const fresh: Preparation = { mode: 'new', ...RUN };
export const overwrite: Preparation = { mode: 'overwrite', ...RUN };

/** What a run makes, each file with the same text. */
export const checkpoint = (output: OutputFolder, step: number, text: string): Promise<void> =>
  output.place(async (staged) => {
    mkdirSync(join(staged, `checkpoint-${step}`));
    for (const name of ['config.json', 'model.safetensors'])
      await fsPromises.writeFile(join(staged, `checkpoint-${step}`, name), text);
  });
export const run = async (output: OutputFolder, text = 'run'): Promise<void> => {
  await output.write('attune.json', text);
  for (const step of [1, 2]) await checkpoint(output, step, text);
  await output.place(async (staged) => {
    for (const name of ['config.json', 'model.safetensors', 'trainer_state.json'])
      await fsPromises.writeFile(join(staged, name), text);
  });
};

/**
 * All that is in a folder but attune's own record: path -> what it is, and what it holds or where it leads.
 */
export function everything(dir: string, above = ''): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync(dir).sort()) {
    if (name === RECORD_FILE) continue;
    const path = join(dir, name);
    const stats = lstatSync(path);
    if (stats.isDirectory()) {
      found.set(`${above}${name}/`, 'folder');
      for (const [key, value] of everything(path, `${above}${name}/`)) found.set(key, value);
    } else
      found.set(
        above + name,
        stats.isSymbolicLink() ? `-> ${readlinkSync(path)}` : readFileSync(path, 'latin1'),
      );
  }
  return found;
}
