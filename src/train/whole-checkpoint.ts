/** Which checkpoint of a folder to go on from. */
import { join } from 'node:path';
import { ModelError } from '../errors/attune-error.js';
import { checkpointName } from './best.js';
import { listCheckpoints, readCheckpoint, verifyCheckpoint } from './checkpoint.js';

/** The newest whole checkpoint of a folder, and what was wrong with each newer one. */
export interface NewestCheckpoint {
  readonly dir: string | undefined;
  readonly broken: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * Finds the checkpoint to go on from: the newest that is whole and, where the run ends with its best model,
 * whose best checkpoint is whole as well.
 *
 * @throws AttuneError if one cannot be read; the signal's reason if it is aborted
 */
export async function newestWholeCheckpoint(
  outputDir: string,
  needsBest = false,
  signal?: AbortSignal,
): Promise<NewestCheckpoint> {
  const broken: { name: string; reason: string }[] = [];
  const verdicts = new Map<string, string | undefined>();
  const reasonOf = async (name: string): Promise<string | undefined> => {
    if (!verdicts.has(name)) {
      verdicts.set(
        name,
        await verifyCheckpoint(join(outputDir, name), signal).then(
          () => undefined,
          (error: unknown) => {
            if (error instanceof ModelError) return error.message;
            throw error;
          },
        ),
      );
    }
    return verdicts.get(name);
  };
  const names = await listCheckpoints(outputDir);
  for (const name of [...names].reverse()) {
    const dir = join(outputDir, name);
    let reason = await reasonOf(name);
    if (reason === undefined && needsBest) {
      const { best_global_step: step } = (await readCheckpoint(dir)).state;
      const best = step === null ? undefined : checkpointName(step);
      if (best !== undefined && best !== name && names.includes(best)) reason = await reasonOf(best);
    }
    if (reason === undefined) return { dir, broken };
    broken.push({ name, reason });
  }
  return { dir: undefined, broken };
}
