import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEVICES, engineFor } from '#attune/engine/device.js';
import { onnxEngine } from '#attune/engine/onnx/session.js';

test('every device has an engine; on the CPU it is ONNX Runtime', () => {
  assert.deepEqual([...DEVICES], ['auto', 'cpu']);
  assert.equal(engineFor('cpu'), onnxEngine);
  for (const device of DEVICES) assert.equal(typeof engineFor(device).open, 'function');
});
