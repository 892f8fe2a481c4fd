/**
 * WebGPU in Node through Dawn (the `webgpu` package: Metal, Vulkan, D3D12). Loaded only when a GPU is asked
 * for.
 */
import { AttuneError } from '../../errors/attune-error.js';
import type { ModelGraphs } from '../../model/gpt2.js';
import { pick } from '../../pick.js';
import type { Engine, EngineSession, SessionOptions } from '../engine.js';
import { dawn } from './dawn.js';
import { openDevice } from './gpu.js';
import type { Gpu } from './gpu.js';
import { matrixConfigurations, matrixUnitOf } from './matrix-unit.js';
import type { AdapterFacts, MatrixUnit } from './matrix-unit.js';
import { WebGpuSession } from './session.js';

export interface AdapterReport {
  /** For people: vendor, architecture, what drives it. */
  readonly name: string;
  /** Computes on the processor: of use only in tests. */
  readonly software: boolean;
  readonly limits: Readonly<Record<string, number>>;
  readonly features: readonly string[];
  /** All that the adapter lists, in words. */
  readonly matrixUnits: readonly string[];
}

const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
] as const satisfies readonly (keyof GPUSupportedLimits)[];

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|microsoft basic render/i;

const nameOf = ({ vendor, architecture, device, description }: GPUAdapterInfo): string =>
  [...new Set([description, device, architecture, vendor].filter((part) => part !== ''))].join(', ') ||
  'unnamed adapter';

/**
 * The adapter that WebGPU would compute on, or why there is none. Only with `experiments` does it show its
 * matrix units.
 */
export async function findAdapter(
  experiments = false,
): Promise<{ readonly adapter: GPUAdapter; readonly report: AdapterReport } | { readonly reason: string }> {
  let adapter: GPUAdapter | null;
  try {
    adapter = await (await dawn(experiments)).requestAdapter({ powerPreference: 'high-performance' });
  } catch (error) {
    return {
      reason: `WebGPU could not be loaded: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
  if (!adapter)
    return { reason: 'WebGPU finds no adapter (no GPU, or no driver for Vulkan, Metal or D3D12)' };
  const name = nameOf(adapter.info);
  return {
    adapter,
    report: {
      name,
      software: SOFTWARE.test(name) || adapter.info.isFallbackAdapter,
      limits: pick(adapter.limits, LIMITS),
      features: [...adapter.features].sort(),
      matrixUnits: matrixConfigurations(adapter),
    },
  };
}

/** Why WebGPU gives no adapter that is a real GPU, or undefined. */
export async function whyNoAdapter(): Promise<string | undefined> {
  const found = await findAdapter();
  if ('reason' in found) return found.reason;
  return found.report.software ? `${found.report.name} computes in software` : undefined;
}

export const webGpuEngine: Engine = { name: 'webgpu', open: (model, options) => open(model, options, false) };

/** Products on the GPU's matrix units, in their precision (kernels/matmul-units.ts). */
export const matrixUnitEngine: Engine = {
  name: 'webgpu-matrix-units',
  open: (model, options) => open(model, options, true),
};

async function open(
  model: ModelGraphs,
  { seed, workload }: SessionOptions,
  onUnits: boolean,
): Promise<EngineSession> {
  const found = await findAdapter(onUnits);
  if ('reason' in found)
    throw new AttuneError('webgpu-unavailable', {
      device: onUnits ? 'webgpu-matrix-units' : 'webgpu',
      reason: found.reason,
    });
  const { adapter, report } = found;
  const unit = onUnits ? requiredUnit(adapter, report) : undefined;
  const what = unit ? `, matrix units in ${unit.operands}` : '';
  const session = new WebGpuSession(await deviceOf(adapter, unit), model, {
    seed,
    description: `GPU, ${report.name} (WebGPU${what})${report.software ? ', computed in software' : ''}`,
  });
  try {
    if (workload) await session.reserve(await workload());
  } catch (error) {
    await session.close();
    throw error;
  }
  return session;
}

/** @throws AttuneError if the adapter has no matrix unit that serves */
export function requiredUnit(
  adapter: AdapterFacts,
  { name, matrixUnits }: Pick<AdapterReport, 'name' | 'matrixUnits'>,
): MatrixUnit {
  const unit = matrixUnitOf(adapter);
  if (unit) return unit;
  throw new AttuneError('matrix-units-unavailable', { adapter: name, units: matrixUnits });
}

const opened = new Map<string, Promise<Gpu>>();

/** One device for all sessions of this process that multiply alike, until it is lost. */
function deviceOf(adapter: GPUAdapter, unit: MatrixUnit | undefined): Promise<Gpu> {
  const key = unit ? 'units' : 'plain';
  const known = opened.get(key);
  if (known) return known;
  const opening = openDevice(adapter, [], unit);
  opened.set(key, opening);
  opening
    .then(({ device }) => device.lost)
    .then(
      () => opened.delete(key),
      () => opened.delete(key),
    );
  return opening;
}
