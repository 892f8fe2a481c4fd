import { Pipelines } from './pipelines.js';

/** A device with the pipelines made for it, which all sessions on it share: compiling them takes seconds. */
export interface Gpu {
  readonly device: GPUDevice;
  readonly pipelines: Pipelines;
}

/** Opens the adapter with the largest buffers it has (the default limits are too small for GPT-2's embedding) and with those of `features` that it has. */
export async function openDevice(adapter: GPUAdapter, features: readonly GPUFeatureName[] = []): Promise<Gpu> {
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  const device = await adapter.requestDevice({ requiredFeatures: features.filter((feature) => adapter.features.has(feature)), requiredLimits: { maxBufferSize, maxStorageBufferBindingSize } });
  return { device, pipelines: new Pipelines(device) };
}
