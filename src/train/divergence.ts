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
  const what = losses.every(Number.isFinite)
    ? `the gradient's norm is ${gradNorm}`
    : `the loss is ${losses.join(', ')}`;
  const kept = (await listCheckpoints(outputDir)).at(-1);
  const place = kept === undefined ? '' : `The last good checkpoint is ${join(outputDir, kept)}. `;
  return new TrainingError(`step ${step}: ${what}; training stopped`, {
    hint: `${place}Try a smaller learning rate or more warmup steps.`,
  });
}
