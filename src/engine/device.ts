/** Which engine computes. */
import type { Engine } from './engine.js';
import { onnxEngine } from './onnx/session.js';

export const DEVICES = ['auto', 'cpu'] as const;
export type Device = (typeof DEVICES)[number];

/** The engine for a device. `auto` takes the best there is on this machine. */
export function engineFor(device: Device): Engine {
  switch (device) {
    case 'auto':
    case 'cpu':
      return onnxEngine;
  }
}
