/** What a run reports when a loss or a gradient is not finite. */
import { join } from 'node:path';
import type { StepResult } from '../engine/engine.js';
import { TrainingError } from '../errors/attune-error.js';
import { listCheckpoints } from './checkpoint.js';

export async function divergence(
  step: number,
  { losses, gradNorm }: Pick<StepResult, 'losses' | 'gradNorm'>,
  outputDir: string,
): Promise<TrainingError> {
  const what = losses.every(Number.isFinite) ? 'gradient' : 'loss';
  const values = (what === 'loss' ? losses : [gradNorm]).map(String);
  const kept = (await listCheckpoints(outputDir)).at(-1);
  const checkpoint = kept === undefined ? undefined : join(outputDir, kept);
  return new TrainingError('training-diverged', { step, what, values, checkpoint });
}
