/** The folder a run writes into: refused where it cannot be written or holds another run, before any work begins. */
import { access, constants, mkdir, readdir, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AttuneError, UsageError } from '../errors.js';
import { PARTIAL, removeWhole } from '../files.js';
import { checkpointStep } from './best.js';

/** What a run leaves at the root of its folder, beside checkpoints and the event files. */
const RUN_FILES = new Set(['trainer_state.json', 'training_args.json', 'model.safetensors', 'config.json', 'comparison.json', 'report.html', 'baselines']);

const isOfRun = (name: string): boolean => RUN_FILES.has(name) || checkpointStep(name) !== undefined;

/**
 * Makes `dir` where it is missing and sees that it can be written. What an interrupted write left is removed.
 *
 * @param mode 'new' refuses a folder that holds a run; 'overwrite' removes that run, and nothing else; 'resume' leaves it
 * @throws UsageError where it holds a run, AttuneError where it cannot be written
 */
export async function prepareOutputFolder(dir: string, mode: 'new' | 'overwrite' | 'resume'): Promise<void> {
  let created: string | undefined;
  try {
    if ((await stat(dir).catch(() => undefined))?.isFile()) throw new Error('it is a file');
    created = await mkdir(dir, { recursive: true });
    await access(dir, constants.W_OK | constants.X_OK);
    // A read-only mount or a full quota shows only in the attempt.
    const probe = join(dir, `.write-test.${process.pid}${PARTIAL}`);
    await mkdir(probe);
    await rmdir(probe);
  } catch (cause) {
    if (created) await rm(created, { recursive: true, force: true }).catch(() => undefined);
    throw new AttuneError(`the output folder ${dir} cannot be written: ${(cause as Error).message}`, { hint: 'Choose another --output-dir, or give yourself the right to write there.', cause });
  }
  const names = await readdir(dir);
  const ofRun = names.filter(isOfRun);
  if (mode === 'new' && ofRun.length > 0) {
    throw new UsageError(`${dir} already holds a run (${ofRun.slice(0, 3).join(', ')}${ofRun.length > 3 ? ', …' : ''})`, {
      hint: 'Go on with it by --resume-from-checkpoint, replace it by --overwrite-output-dir, or choose another --output-dir.',
    });
  }
  const stale = names.filter((name) => name.startsWith('.') && name.includes(PARTIAL));
  for (const name of stale) await rm(join(dir, name), { recursive: true, force: true });
  if (mode === 'overwrite') for (const name of ofRun) await removeWhole(join(dir, name));
}
