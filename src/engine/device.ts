/** Which engine computes. */
import { AttuneError, UsageError } from '../errors/attune-error.js';
import { DEVICES } from './device-names.js';
import type { Device } from './device-names.js';
import { warmUp } from './engine.js';
import type { Engine } from './engine.js';
import { onnxEngine } from './onnx/session.js';
import { noGpuDevice } from './webgpu/presence.js';

/** Takes the GPU where there is a real one, else the processor, and notes why. */
const autoEngine: Engine = {
  name: 'auto',
  warmUp() {
    const reason = noGpuDevice();
    if (reason === undefined) return undefined;
    const processor = warmUp(onnxEngine);
    return {
      open: (model, options) => processor.open(model, { ...options, note: `no GPU is used: ${reason}` }),
      close: () => processor.close(),
    };
  },
  async open(model, options) {
    // Asked first, and without a pause: where there is no device, nothing of the GPU is loaded, and the CPU
    // engine begins at once.
    let reason = noGpuDevice() ?? (await (await import('./webgpu/node.js')).whyNoAdapter());
    if (reason === undefined) {
      const { webGpuEngine } = await import('./webgpu/node.js');
      try {
        return await webGpuEngine.open(model, options);
      } catch (error) {
        // What does not fit on the GPU may fit beside the processor.
        if (!(error instanceof AttuneError)) throw error;
        reason = error.message;
      }
    }
    return onnxEngine.open(model, { ...options, note: `no GPU is used: ${reason}` });
  },
};

/** Loaded when it is asked for, because its library is large. */
const webGpuOnDemand: Engine = {
  name: 'webgpu',
  open: async (model, options) => (await import('./webgpu/node.js')).webGpuEngine.open(model, options),
};

const matrixUnitsOnDemand: Engine = {
  name: 'webgpu-matrix-units',
  open: async (model, options) => (await import('./webgpu/node.js')).matrixUnitEngine.open(model, options),
};

/**
 * The engine for a device. `auto` takes the best there is on this machine; `webgpu` insists on WebGPU, in
 * software too; `webgpu-matrix-units` on the GPU's matrix units besides, in their precision.
 *
 * @throws UsageError `device-unknown`; its `open` throws TrainingError `cpu-memory-exhausted`,
 *   `gpu-memory-exhausted`, AttuneError `webgpu-unavailable`, `matrix-units-unavailable`
 */
export function engineFor(device: Device): Engine {
  switch (device) {
    case 'auto':
      return autoEngine;
    case 'cpu':
      return onnxEngine;
    case 'webgpu':
      return webGpuOnDemand;
    case 'webgpu-matrix-units':
      return matrixUnitsOnDemand;
    default:
      throw new UsageError('device-unknown', { device: String(device), known: DEVICES });
  }
}
