import type { ENGINE_ERRORS } from '#attune/errors/codes/engine-errors.js';
import type { MemoryPart } from '#attune/errors/phrases/gpu-memory.js';
import type { Examples } from './examples.js';

const MIB = 2 ** 20;
const TRAINING = { use: 'training', rows: 64, tokens: 65536 } as const;
const PREDICTION = { use: 'prediction', rows: 32, tokens: 2048 } as const;
const RUN: readonly MemoryPart[] = [
  {
    of: { kinds: ['parameters', 'gradients', 'moments', 'incomingGradients'], each: 100 * MIB },
    bytes: 500 * MIB,
  },
  { of: TRAINING, bytes: 1234.5 * MIB },
  { of: PREDICTION, bytes: 20 * MIB },
];

export const ENGINE_EXAMPLES: Examples<typeof ENGINE_ERRORS> = {
  'device-unknown': [
    { device: 'cuda', known: ['auto', 'cpu', 'webgpu', 'webgpu-matrix-units'] },
    { device: 'webgup', known: ['auto', 'cpu', 'webgpu', 'webgpu-matrix-units'] },
  ],
  'session-closed': [{}],
  'cpu-thread-died': [{ reason: 'boom' }],
  'cpu-thread-ended': [{ exitCode: 7 }],
  'cpu-thread-unreadable': [{ reason: 'unable to deserialize cloned data' }],
  'cpu-engine-failed': [{ reason: 'bad allocation' }],
  'cpu-values-misfit': [
    { parameter: 'score.weight', found: 5, expected: 24 },
    { parameter: 'stray', found: 5, expected: null },
  ],
  'cpu-tensor-too-large': [{ bytes: 5e9, limit: 2 ** 32 }],
  'cpu-memory-exhausted': [{ bytes: 512 * MIB }],
  'webgpu-unavailable': [{ device: 'webgpu', reason: 'WebGPU finds no adapter' }],
  'matrix-units-unavailable': [
    { adapter: 'A card', units: ['i8 x i8 -> i32 16x16x32'] },
    { adapter: 'A card', units: [] },
  ],
  'gpu-tensor-too-large': [{ tensor: 'transformer.wte.weight', bytes: 147.25 * MIB, limit: 128 * MIB }],
  'gpu-buffer-too-large': [{ batch: TRAINING, bytes: 200 * MIB, limit: 160 * MIB, run: RUN }],
  'gpu-workgroups-exceeded': [{ batch: PREDICTION, workgroups: 70_000, limit: 65_535 }],
  'gpu-memory-exhausted': [
    { run: RUN, each: 100 * MIB, reason: 'Out of device memory' },
    { each: 100 * MIB, reason: 'Out of device memory' },
  ],
  'gpu-lost': [
    { destroyed: false, reason: 'the driver was reset' },
    { destroyed: true, reason: 'Device was destroyed.' },
  ],
  'gpu-command-refused': [{ reason: 'the binding is too small' }],
  'gpu-failed': [{ reason: 'the buffer was unmapped' }],
};
