/** WebGPU in Node through Dawn (the `webgpu` package: Metal, Vulkan, D3D12). Loaded only when a GPU is asked for. */
import { AttuneError } from '../../errors.js';
import type { Engine } from '../engine.js';
import { dawn } from './dawn.js';
import { openDevice } from './gpu.js';
import type { Gpu } from './gpu.js';
import { noGpuDevice } from './presence.js';
import { WebGpuSession } from './session.js';

export interface AdapterReport {
  /** For people: vendor, architecture, what drives it. */
  readonly name: string;
  /** Computes on the processor: of use in tests alone. */
  readonly software: boolean;
  readonly limits: Readonly<Record<string, number>>;
  readonly features: readonly string[];
}

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|microsoft basic render/i;

const nameOf = ({ vendor, architecture, device, description }: GPUAdapterInfo): string => [...new Set([description, device, architecture, vendor].filter((part) => part !== ''))].join(', ') || 'unnamed adapter';

/** The adapter that WebGPU would compute on, or why there is none. */
export async function findAdapter(): Promise<{ readonly adapter: GPUAdapter; readonly report: AdapterReport } | { readonly reason: string }> {
  let adapter: GPUAdapter | null;
  try {
    adapter = await (await dawn()).requestAdapter({ powerPreference: 'high-performance' });
  } catch (error) {
    return { reason: `WebGPU could not be loaded: ${error instanceof Error ? error.message : String(error)}` };
  }
  if (!adapter) return { reason: 'WebGPU finds no adapter (no GPU, or no driver for Vulkan, Metal or D3D12)' };
  const name = nameOf(adapter.info);
  const { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage, maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupStorageSize, maxComputeWorkgroupsPerDimension } = adapter.limits;
  return {
    adapter,
    report: {
      name,
      software: SOFTWARE.test(name) || adapter.info.isFallbackAdapter,
      limits: { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage, maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupStorageSize, maxComputeWorkgroupsPerDimension },
      features: [...adapter.features].sort(),
    },
  };
}

/** Why no real GPU can be used here, or undefined. */
export async function realGpu(): Promise<string | undefined> {
  const missing = noGpuDevice();
  if (missing !== undefined) return missing;
  const found = await findAdapter();
  if ('reason' in found) return found.reason;
  return found.report.software ? `${found.report.name} computes in software` : undefined;
}

export const webGpuEngine: Engine = {
  name: 'webgpu',
  async open(model, { seed, workload }) {
    const found = await findAdapter();
    if ('reason' in found) throw new AttuneError(`--device webgpu: ${found.reason}`, { hint: 'Use --device cpu; attune doctor says more.' });
    const { adapter, report } = found;
    const session = new WebGpuSession(await deviceOf(adapter), model, { seed, description: `GPU, ${report.name} (WebGPU)${report.software ? ', computed in software' : ''}` });
    try {
      if (workload) await session.reserve(await workload());
    } catch (error) {
      await session.close();
      throw error;
    }
    return session;
  },
};

let opened: Promise<Gpu> | undefined;

/** One device for all sessions of this process, until it is lost. */
function deviceOf(adapter: GPUAdapter): Promise<Gpu> {
  opened ??= openDevice(adapter).then(
    (gpu) => {
      void gpu.device.lost.then(() => (opened = undefined));
      return gpu;
    },
    (error: unknown) => {
      opened = undefined;
      throw error;
    },
  );
  return opened;
}
