/** The folder a run writes into: refused where it cannot be written or holds another run, before any work begins. */
import { access, constants, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AttuneError, UsageError } from '../errors.js';
import { recoverPartials, removeWhole } from '../files.js';
import { checkpointStep } from './best.js';
import { MANIFEST_FILE } from './manifest.js';
import { RunLock } from './run-lock.js';
import { isBroken } from './whole-checkpoint.js';

/** What a run leaves at the root of its folder, beside checkpoints and the event files. */
const RUN_FILES = new Set(['trainer_state.json', 'training_args.json', 'model.safetensors', 'config.json', 'comparison.json', 'report.html', 'baselines']);

/** What a run leaves that is no reason to refuse the folder: it may have ended before its first checkpoint. */
const LEFT_BY_RUN = new Set([MANIFEST_FILE]);

const isOfRun = (name: string): boolean => RUN_FILES.has(name) || checkpointStep(name) !== undefined;

/**
 * Locks a folder that is there and mends what an interrupted write left in it, before anything in it is read. A folder that is missing is locked
 * when `prepareOutputFolder` makes it.
 *
 * @throws UsageError where another run is writing there, AttuneError where it cannot be written
 */
export async function lockOutputFolder(dir: string): Promise<RunLock> {
  const lock = new RunLock(dir);
  if (!(await stat(dir).catch(() => undefined))?.isDirectory()) return lock;
  await lock.acquire();
  try {
    await recoverPartials(dir);
  } catch (error) {
    await lock.release();
    throw error;
  }
  return lock;
}

/**
 * Makes `dir` where it is missing, sees that it can be written, and holds its lock from then on.
 *
 * @param mode 'new' refuses a folder that holds a run; 'overwrite' removes that run, and nothing else; 'resume' leaves it
 * @throws UsageError where it holds a run or another run is writing there, AttuneError where it cannot be written
 */
export async function prepareOutputFolder(dir: string, mode: 'new' | 'overwrite' | 'resume', lock: RunLock): Promise<void> {
  let created: string | undefined;
  try {
    if ((await stat(dir).catch(() => undefined))?.isFile()) throw new Error('it is a file');
    created = await mkdir(dir, { recursive: true });
    await access(dir, constants.W_OK | constants.X_OK);
  } catch (cause) {
    if (created) await rm(created, { recursive: true, force: true }).catch(() => undefined);
    throw new AttuneError(`the output folder ${dir} cannot be written: ${(cause as Error).message}`, { hint: 'Choose another --output-dir, or give yourself the right to write there.', cause });
  }
  // A read-only mount or a full quota shows only in the attempt.
  await lock.acquire();
  const names = await readdir(dir);
  const ofRun = names.filter(isOfRun);
  if (mode === 'new' && ofRun.length > 0) {
    throw new UsageError(`${dir} already holds a run (${ofRun.slice(0, 3).join(', ')}${ofRun.length > 3 ? ', …' : ''})`, {
      hint: 'Go on with it by --resume-from-checkpoint, replace it by --overwrite-output-dir, or choose another --output-dir.',
    });
  }
  if (mode === 'overwrite') for (const name of names) if (isOfRun(name) || LEFT_BY_RUN.has(name) || isBroken(name)) await removeWhole(join(dir, name));
}
