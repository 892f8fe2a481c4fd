/**
 * What a run will take of the device, known before anything is computed. WebGPU does not tell how much memory
 * a device has, only how large one buffer may be: the latter is compared here; for the former all buffers are
 * made at once (session.ts), and these numbers say what did not fit.
 */
import { TrainingError } from '../../errors/attune-error.js';
import type { Workload } from '../engine.js';
import type { BatchSize } from './dispatch.js';

export interface Demand {
  /** For people. */
  readonly what: string;
  readonly bytes: number;
  /** Absent: no batch decides it. */
  readonly batch?: {
    readonly size: BatchSize;
    readonly largestBuffer: number;
    readonly mostWorkgroups: number;
  };
}

export type DeviceLimits = Pick<
  GPUSupportedLimits,
  'maxBufferSize' | 'maxStorageBufferBindingSize' | 'maxComputeWorkgroupsPerDimension'
>;

export const SMALLER =
  'Use smaller batches (--per-device-train-batch-size) with more --gradient-accumulation-steps, ' +
  'a smaller --max-length, or --device cpu.';

export const mebibytes = (bytes: number): string =>
  `${(bytes / 2 ** 20).toLocaleString('en-US', { maximumFractionDigits: 1 })} MiB`;

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
  const banks = [
    'parameters',
    ...(workload.training ? ['gradients', 'two moments (twice that)'] : []),
    ...((workload.training?.microBatches ?? 1) > 1 ? ['gradients of a further micro-batch'] : []),
  ];
  const kinds = banks.length + (workload.training ? 1 : 0);
  const demands: Demand[] = [
    { what: `${banks.join(', ')} of ${mebibytes(bankBytes)} each`, bytes: kinds * bankBytes },
  ];
  for (const [use, what] of [
    ['training', 'a training batch'],
    ['prediction', 'a batch of prediction'],
  ] as const) {
    const size = workload[use];
    if (!size) continue;
    const { bytes, ...most } = programs[use].demandOf(
      size,
      use === 'training' ? workload.training!.microBatches : 1,
    );
    demands.push({
      what: `${what} of up to ${size.rows} rows and ${size.tokens.toLocaleString('en-US')} tokens`,
      bytes,
      batch: { size, ...most },
    });
  }
  return demands;
}

/** "5,432 MiB: parameters ... 1,900.8 MiB; a training batch ... 3,531.2 MiB". */
export function demandText(demands: readonly Demand[]): string {
  const total = demands.reduce((sum, { bytes }) => sum + bytes, 0);
  const parts = demands.map(({ what, bytes }) => `${what}, ${mebibytes(bytes)}`);
  return `${mebibytes(total)}: ${parts.join('; ')}`;
}

/** @throws TrainingError with the numbers where the limits do not allow it */
export function requireWithin(limits: DeviceLimits, demands: readonly Demand[]): void {
  const most = largestBinding(limits);
  const mostSideBySide = limits.maxComputeWorkgroupsPerDimension;
  for (const { what, batch } of demands) {
    if (!batch) continue;
    const { largestBuffer, mostWorkgroups } = batch;
    if (largestBuffer > most) {
      throw new TrainingError(
        `${what} needs a buffer of ${mebibytes(largestBuffer)}, ` +
          `but one on this GPU holds ${mebibytes(most)} at most (the run would take ${demandText(demands)})`,
        { hint: SMALLER },
      );
    }
    if (mostWorkgroups > mostSideBySide) {
      throw new TrainingError(
        `${what} needs ${mostWorkgroups.toLocaleString('en-US')} workgroups side by side, ` +
          `but this GPU takes ${mostSideBySide.toLocaleString('en-US')} at most`,
        { hint: SMALLER },
      );
    }
  }
}
