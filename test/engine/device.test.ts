/**
 * Which engine computes for which device. Sessions are not opened here: the engines' own `open` is replaced, and
 * for `auto` also what the computer has (files under /dev, WebGPU's adapter).
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { DEVICES } from '#attune/engine/device-names.js';
import type { Device } from '#attune/engine/device-names.js';
import { engineFor } from '#attune/engine/device.js';
import { warmUp } from '#attune/engine/engine.js';
import type { Engine, EngineSession, SessionOptions } from '#attune/engine/engine.js';
import { onnxEngine } from '#attune/engine/onnx/session.js';
import { dawn } from '#attune/engine/webgpu/dawn.js';
import { matrixUnitEngine, webGpuEngine } from '#attune/engine/webgpu/node.js';
import { TrainingError, UsageError } from '#attune/errors/attune-error.js';
import { gpt2Graphs } from '#attune/model/gpt2.js';
import { tinyConfig } from '../support/models.js';
import { refusal } from '../support/refusal.js';

const MODEL = gpt2Graphs(tinyConfig());
const OPTIONS: SessionOptions = { seed: 1 };

/** Replaces an engine's `open`. @returns the session that it gives, and the options of each call */
function stubOpen(
  t: TestContext,
  engine: Engine,
  refusal?: Error,
): { readonly session: EngineSession; readonly calls: SessionOptions[] } {
  const session = { description: engine.name } as EngineSession;
  const calls: SessionOptions[] = [];
  t.mock.method(engine, 'open', (model: unknown, options: SessionOptions) => {
    assert.equal(model, MODEL);
    calls.push(options);
    return refusal ? Promise.reject(refusal) : Promise.resolve(session);
  });
  return { session, calls };
}

interface Computer {
  /** The files in /dev. */
  readonly devices: readonly string[];
  /** The adapter that WebGPU finds; absent: none. */
  readonly adapter?: Partial<GPUAdapterInfo>;
}

/** Makes this a Linux computer with these devices. */
async function onComputer(t: TestContext, { devices, adapter }: Computer): Promise<void> {
  const info = { vendor: '', architecture: '', device: '', description: '', isFallbackAdapter: false };
  const found = adapter ? { info: { ...info, ...adapter }, limits: {}, features: new Set() } : null;
  t.mock.method(await dawn(), 'requestAdapter', () => Promise.resolve(found));

  const { readdirSync } = fs;
  const reading = t.mock.method(fs, 'readdirSync', (folder: string) => {
    if (folder === '/dev') return devices;
    return folder === '/dev/dri' ? [] : readdirSync(folder);
  });
  const platform = Object.getOwnPropertyDescriptor(process, 'platform')!;
  Object.defineProperty(process, 'platform', { ...platform, value: 'linux' });
  syncBuiltinESMExports();
  t.after(() => {
    reading.mock.restore();
    Object.defineProperty(process, 'platform', platform);
    syncBuiltinESMExports();
  });
}

const WITH_GPU: Computer = { devices: ['null', 'nvidia0'], adapter: { description: 'A card' } };

describe('engineFor', () => {
  it('knows the devices auto, cpu, webgpu and webgpu-matrix-units', () => {
    assert.deepEqual([...DEVICES], ['auto', 'cpu', 'webgpu', 'webgpu-matrix-units']);
  });

  for (const device of DEVICES)
    it(`returns an engine named ${device} for the device ${device}`, () => {
      assert.equal(engineFor(device).name, device);
    });

  it('refuses a name that is not a device', () => {
    assert.throws(
      () => engineFor('tpu' as Device),
      refusal(UsageError, 'device-unknown', { device: 'tpu', known: DEVICES }),
    );
  });

  it('returns the ONNX Runtime engine for cpu', () => {
    assert.equal(engineFor('cpu'), onnxEngine);
  });

  for (const engine of [webGpuEngine, matrixUnitEngine])
    it(`opens sessions of the WebGPU engine ${engine.name}, and of no other`, async (t) => {
      const [opened, ...others] = [engine, onnxEngine, webGpuEngine, matrixUnitEngine]
        .filter((each, i, all) => all.indexOf(each) === i)
        .map((each) => stubOpen(t, each));
      assert.equal(await engineFor(engine.name as Device).open(MODEL, OPTIONS), opened.session);
      assert.deepEqual(opened.calls, [OPTIONS]);
      for (const { calls } of others) assert.deepEqual(calls, []);
    });
});

describe("engineFor('auto')", () => {
  it('computes on the GPU if there is one, without a note', async (t) => {
    await onComputer(t, WITH_GPU);
    const [gpu, cpu] = [stubOpen(t, webGpuEngine), stubOpen(t, onnxEngine)];
    assert.equal(await engineFor('auto').open(MODEL, OPTIONS), gpu.session);
    assert.deepEqual([gpu.calls, cpu.calls], [[OPTIONS], []]);
  });

  for (const [what, computer, reason] of [
    ['the computer has no GPU device', { ...WITH_GPU, devices: ['null', 'tty'] }, /has no GPU device/],
    ['WebGPU finds no adapter', { devices: ['nvidia0'] }, /WebGPU finds no adapter/],
    [
      'the adapter is a software one',
      { devices: ['dxg'], adapter: { description: 'llvmpipe' } },
      /llvmpipe computes in software/,
    ],
    [
      'the adapter is a fallback',
      { devices: ['nvidia0'], adapter: { device: 'A card', isFallbackAdapter: true } },
      /A card computes in software/,
    ],
  ] as const)
    it(`computes on the CPU, and notes why, if ${what}`, async (t) => {
      await onComputer(t, computer);
      const [gpu, cpu] = [stubOpen(t, webGpuEngine), stubOpen(t, onnxEngine)];
      assert.equal(await engineFor('auto').open(MODEL, OPTIONS), cpu.session);
      assert.deepEqual(gpu.calls, []);
      const [{ seed, note }] = cpu.calls;
      assert.equal(seed, OPTIONS.seed);
      assert.match(note!, /^no GPU is used: /);
      assert.match(note!, reason);
    });

  it('computes on the CPU, and notes why, if the GPU refuses the model', async (t) => {
    await onComputer(t, WITH_GPU);
    const refused = new TrainingError('gpu-memory-exhausted', { each: 1, reason: 'Out of device memory' });
    const gpu = stubOpen(t, webGpuEngine, refused);
    const cpu = stubOpen(t, onnxEngine);
    assert.equal(await engineFor('auto').open(MODEL, OPTIONS), cpu.session);
    assert.equal(gpu.calls.length, 1);
    assert.deepEqual(cpu.calls, [{ ...OPTIONS, note: `no GPU is used: ${refused.message}` }]);
  });

  it('passes on any other error of the GPU', async (t) => {
    await onComputer(t, WITH_GPU);
    stubOpen(t, webGpuEngine, new TypeError('a defect'));
    const cpu = stubOpen(t, onnxEngine);
    await assert.rejects(engineFor('auto').open(MODEL, OPTIONS), TypeError);
    assert.deepEqual(cpu.calls, []);
  });

  it('warms up the CPU engine if the computer has no GPU device, and notes why', async (t) => {
    await onComputer(t, { devices: [] });
    const opened: SessionOptions[] = [];
    let closed = false;
    const session = {} as EngineSession;
    t.mock.method(onnxEngine as Required<Engine>, 'warmUp', () => ({
      open: (_model: unknown, options: SessionOptions) => {
        opened.push(options);
        return Promise.resolve(session);
      },
      close: () => {
        closed = true;
        return Promise.resolve();
      },
    }));
    const engine = warmUp(engineFor('auto'));
    assert.equal(await engine.open(MODEL, OPTIONS), session);
    assert.match(opened[0].note!, /^no GPU is used: .* has no GPU device/);
    await engine.close();
    assert.ok(closed);
  });

  it('warms up nothing if the computer has a GPU device', async (t) => {
    await onComputer(t, WITH_GPU);
    const warmed: string[] = [];
    t.mock.method(onnxEngine as Required<Engine>, 'warmUp', () => void warmed.push('cpu'));
    assert.equal(engineFor('auto').warmUp!(), undefined);
    assert.deepEqual(warmed, []);
  });
});
