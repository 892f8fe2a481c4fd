/** A run that resumes: from which checkpoint, what may differ from then, and what its manifest keeps. */
import { dirname, join } from 'node:path';
import { ModelError, UsageError } from '../errors/attune-error.js';
import { realPath } from '../overlap.js';
import type { TrainingArguments } from './arguments.js';
import { listCheckpoints, verifyCheckpoint } from './checkpoint.js';
import { hashOfCheckpoint } from './checksums.js';
import { changesSince, readManifest } from './manifest.js';
import type { Manifest } from './manifest.js';
import { argumentsByHand, begunWith, isPlanned, withoutArguments } from './plan.js';
import type { BegunArguments, TrainingChoice } from './plan.js';
import { newestWholeCheckpoint } from './whole-checkpoint.js';
import type { NewestCheckpoint } from './whole-checkpoint.js';

/**
 * Of a run that goes on nothing is planned unless it was when it began: one of an earlier version, or of
 * transformers' Trainer, was not.
 */
export async function asBegun<T extends TrainingChoice>(options: T): Promise<T> {
  const { resumeFromCheckpoint: from, outputDir } = begunWith(options);
  if (from === undefined || !isPlanned(options)) return options;
  const run = from === true || from === 'last' ? outputDir : dirname(await realPath(from));
  const manifest = await readManifest(run).catch(() => undefined);
  return manifest?.isPlanned === true
    ? options
    : { ...withoutArguments(options), args: argumentsByHand(options) };
}

/**
 * Of a run's own folder the model could be taken, but not the moments of the optimizer.
 *
 * @throws UsageError `checkpoint-is-run-folder`
 */
export async function refuseRunFolder(dir: string): Promise<void> {
  const manifest = await readManifest(dir).catch(() => undefined);
  if (!manifest) return;
  const [newest] = (await listCheckpoints(dir)).slice(-1);
  throw new UsageError('checkpoint-is-run-folder', {
    dir,
    newest: newest === undefined ? undefined : join(dir, newest),
  });
}

/**
 * The checkpoint that the arguments name.
 *
 * @throws ModelError `checkpoint-not-found`, `checkpoints-all-damaged`
 */
export async function checkpointToResume(
  { resumeFromCheckpoint, outputDir, loadBestModelAtEnd }: BegunArguments,
  signal: AbortSignal | undefined,
): Promise<NewestCheckpoint> {
  if (resumeFromCheckpoint === undefined) return { dir: undefined, broken: [] };
  if (resumeFromCheckpoint !== true && resumeFromCheckpoint !== 'last') {
    await verifyCheckpoint(resumeFromCheckpoint, signal);
    return { dir: resumeFromCheckpoint, broken: [] };
  }
  const found = await newestWholeCheckpoint(outputDir, loadBestModelAtEnd, signal);
  if (found.dir === undefined) {
    const { broken: damaged } = found;
    if (damaged.length === 0) throw new ModelError('checkpoint-not-found', { dir: outputDir });
    throw new ModelError('checkpoints-all-damaged', { dir: outputDir, damaged });
  }
  return found;
}

/** Whether a checkpoint is of a run in another folder. */
export const isOutside = async (checkpoint: string, outputDir: string): Promise<boolean> =>
  dirname(await realPath(checkpoint)) !== (await realPath(outputDir));

interface ChangesOnResume {
  /** Whether the evaluation rows are others. */
  readonly otherRows: boolean;
  /** What else, and rows, in words. */
  readonly changes: readonly string[];
}

/**
 * What is not as it was in the run that a checkpoint is of, where its manifest is beside the checkpoint.
 *
 * @throws UsageError `resume-data-changed`
 */
export async function changesOnResume(
  resumeDir: string,
  now: Omit<Manifest, 'format'>,
  { allowChangedData = false }: { readonly allowChangedData?: boolean | undefined },
): Promise<ChangesOnResume> {
  const earlier = await readManifest(dirname(await realPath(resumeDir))).catch(() => undefined);
  if (!earlier) return { otherRows: false, changes: [] };
  const isOther = (name: 'trainData' | 'evalData' | 'testData'): boolean => {
    const [then, is] = [earlier.hashes[name] ?? null, now.hashes[name] ?? null];
    return then !== null && is !== null && then !== is;
  };
  const [other] = [
    isOther('trainData') ? 'training' : undefined,
    isOther('evalData') ? 'evaluation' : undefined,
    isOther('testData') ? 'test' : undefined,
  ].filter((each) => each !== undefined);
  if (other !== undefined && !allowChangedData)
    throw new UsageError('resume-data-changed', { checkpoint: resumeDir, rows: other });
  return { otherRows: isOther('evalData'), changes: changesSince(earlier, now) };
}

/** A manifest with what a run that went on must say of how it began. */
export async function withHistory(
  manifest: Omit<Manifest, 'format'>,
  { outputDir }: TrainingArguments,
  resumeDir: string | undefined,
  outside: boolean,
  signal: AbortSignal | undefined,
): Promise<Omit<Manifest, 'format'>> {
  if (resumeDir === undefined) return manifest;
  if (outside) {
    return {
      ...manifest,
      startedFrom: { path: resumeDir, sha256: await hashOfCheckpoint(resumeDir, signal) },
    };
  }
  const earlier = await readManifest(outputDir).catch(() => undefined);
  if (!earlier) return manifest;
  const { startedFrom } = earlier;
  const changes = [...(earlier.changedOnResume ?? []), ...changesSince(earlier, manifest)];
  return {
    ...manifest,
    startedFrom,
    changedOnResume: changes.length > 0 ? changes : undefined,
  };
}
