import { featuresOf } from './matrix-unit.js';
import type { MatrixUnit } from './matrix-unit.js';
import { Pipelines } from './pipelines.js';

/** A device with the pipelines made for it, which all sessions on it share: compiling them takes seconds. */
export interface Gpu {
  readonly device: GPUDevice;
  readonly pipelines: Pipelines;
  /** What multiplies matrices, where it was asked for. */
  readonly matrixUnit?: MatrixUnit | undefined;
}

/**
 * Opens the adapter with the largest buffers it has (the default limits are too small for GPT-2's embedding),
 * with those of `features` that it has, and with what the matrix unit needs.
 */
export async function openDevice(
  adapter: GPUAdapter,
  features: readonly GPUFeatureName[] = [],
  matrixUnit?: MatrixUnit,
): Promise<Gpu> {
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  const requiredFeatures = [
    ...features.filter((feature) => adapter.features.has(feature)),
    ...(matrixUnit ? featuresOf(matrixUnit) : []),
  ];
  const device = await adapter.requestDevice({
    requiredFeatures,
    requiredLimits: { maxBufferSize, maxStorageBufferBindingSize },
  });
  return { device, pipelines: new Pipelines(device), matrixUnit };
}
