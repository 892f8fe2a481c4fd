/**
 * What a run will take of the device, known before anything is computed. WebGPU does not tell how much memory
 * a device has, only how large one buffer may be: the latter is compared here; for the former all buffers are
 * made at once (session.ts), and these numbers say what did not fit.
 */
import { TrainingError } from '../../errors/attune-error.js';
import type { LargestBatch, MemoryPart } from '../../errors/phrases/gpu-memory.js';
import type { Workload } from '../engine.js';
import type { BatchSize } from './dispatch.js';

export interface Demand {
  readonly part: MemoryPart;
  /** Absent: no batch decides it. */
  readonly batch?: {
    readonly of: LargestBatch;
    readonly largestBuffer: number;
    readonly mostWorkgroups: number;
  };
}

export type DeviceLimits = Pick<
  GPUSupportedLimits,
  'maxBufferSize' | 'maxStorageBufferBindingSize' | 'maxComputeWorkgroupsPerDimension'
>;

/** The largest that one buffer may be. */
export const largestBinding = ({
  maxBufferSize,
  maxStorageBufferBindingSize,
}: Pick<DeviceLimits, 'maxBufferSize' | 'maxStorageBufferBindingSize'>): number =>
  Math.min(maxBufferSize, maxStorageBufferBindingSize);

/** What the banks and the two programs take, by what `demandOf` of a program says. */
export function demandsOf(
  workload: Workload,
  bankBytes: number,
  programs: Record<
    keyof Workload,
    {
      demandOf(
        size: BatchSize,
        batches: number,
      ): { readonly bytes: number; readonly largestBuffer: number; readonly mostWorkgroups: number };
    }
  >,
): Demand[] {
  const kinds = [
    'parameters',
    ...(workload.training ? (['gradients', 'moments'] as const) : []),
    ...((workload.training?.microBatches ?? 1) > 1 ? (['incomingGradients'] as const) : []),
  ] as const;
  const banks = kinds.length + (workload.training ? 1 : 0);
  const demands: Demand[] = [{ part: { of: { kinds, each: bankBytes }, bytes: banks * bankBytes } }];
  for (const use of ['training', 'prediction'] as const) {
    const size = workload[use];
    if (!size) continue;
    const { bytes, ...most } = programs[use].demandOf(
      size,
      use === 'training' ? workload.training!.microBatches : 1,
    );
    const of: LargestBatch = { use, rows: size.rows, tokens: size.tokens };
    demands.push({ part: { of, bytes }, batch: { of, ...most } });
  }
  return demands;
}

/** @throws TrainingError with the numbers if the limits do not allow it */
export function requireWithin(limits: DeviceLimits, demands: readonly Demand[]): void {
  const most = largestBinding(limits);
  const mostSideBySide = limits.maxComputeWorkgroupsPerDimension;
  for (const { batch } of demands) {
    if (!batch) continue;
    const { largestBuffer, mostWorkgroups } = batch;
    if (largestBuffer > most) {
      throw new TrainingError('gpu-buffer-too-large', {
        batch: batch.of,
        bytes: largestBuffer,
        limit: most,
        run: demands.map(({ part }) => part),
      });
    }
    if (mostWorkgroups > mostSideBySide) {
      throw new TrainingError('gpu-workgroups-exceeded', {
        batch: batch.of,
        workgroups: mostWorkgroups,
        limit: mostSideBySide,
      });
    }
  }
}
