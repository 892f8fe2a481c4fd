import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEVICES } from '#attune/engine/device-names.js';
import { engineFor } from '#attune/engine/device.js';
import { onnxEngine } from '#attune/engine/onnx/session.js';

test('every device has an engine; on the CPU it is ONNX Runtime', () => {
  assert.deepEqual([...DEVICES], ['auto', 'cpu', 'webgpu', 'webgpu-matrix-units']);
  assert.equal(engineFor('cpu'), onnxEngine);
  for (const device of DEVICES) assert.equal(typeof engineFor(device).open, 'function');
});
