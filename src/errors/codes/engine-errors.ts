/** What is wrong with what computes: CPU threads, the GPU, memory. */
import { didYouMean } from '../../nearest.js';
import type { LargestBatch, MemoryPart } from '../phrases/gpu-memory.js';
import { batchText, counted, mebibytes, memoryText } from '../phrases/gpu-memory.js';
import { shown } from '../phrases/values.js';
import type { Shell } from '../shell.js';
import { worded } from '../wording.js';

const gibibytes = (bytes: number): number => bytes / 2 ** 30;

const smaller = ({ argument, given }: Shell): string =>
  `Use smaller batches (${argument('perDeviceTrainBatchSize')}) with more ` +
  `${argument('gradientAccumulationSteps')}, a smaller ${argument('maxLength')}, ` +
  `or ${given('device', 'cpu')}.`;

const tryAgain = ({ given }: Shell): string =>
  'Nothing is wrong with the data or the model: try again. ' +
  `A training run resumes from its last checkpoint with ${given('resumeFromCheckpoint', true)}.`;

export const ENGINE_ERRORS = {
  'device-unknown': worded<{ device: string; known: readonly string[] }>({
    says: ({ device, known }, { argument }) =>
      `${argument('device')} must be one of ${known.join(', ')}; got ${shown(device)}`,
    hint: ({ device, known }, { given }) =>
      didYouMean(device, known) ??
      `Use ${given('device', 'auto')}: the GPU if there is one, the CPU otherwise.`,
  }),
  'session-closed': worded<Record<string, never>>({
    says: () => 'the session is closed',
    hint: () => 'Open another session; close one only after its last call has ended.',
  }),
  'cpu-thread-died': worded<{ reason: string }>({
    says: ({ reason }) => `the CPU engine’s thread died: ${reason}`,
    hint: (_, shell) => tryAgain(shell),
  }),
  'cpu-thread-ended': worded<{ exitCode: number }>({
    says: ({ exitCode }) => `the CPU engine’s thread ended (exit ${exitCode}) with work under way`,
    hint: (_, shell) => tryAgain(shell),
  }),
  'cpu-thread-unreadable': worded<{ reason: string }>({
    says: ({ reason }) => `an answer of the CPU engine’s thread cannot be read: ${reason}`,
    hint: (_, shell) => tryAgain(shell),
  }),
  'cpu-engine-failed': worded<{ reason: string }>({
    says: ({ reason }) => `the CPU engine failed: ${reason}`,
    hint: (_, { argument }) =>
      `If memory is short, use a smaller ${argument('perDeviceTrainBatchSize')} or ` +
      `${argument('maxLength')}; otherwise this is a defect of attune: please report it.`,
  }),
  /** `expected` is null if the model has no such parameter. */
  'cpu-values-misfit': worded<{ parameter: string; found: number; expected: number | null }>({
    says: ({ parameter, found, expected }) =>
      expected === null
        ? `the model has no parameter ${parameter}, for which ${found} values are given`
        : `parameter ${parameter} has ${expected} values; ${found} are given`,
    hint: () => 'Give the values of a parameter of this model, at most as many as it has.',
  }),
  'cpu-tensor-too-large': worded<{ bytes: number; limit: number }>({
    says: ({ bytes, limit }) =>
      `one tensor needs ${gibibytes(bytes).toFixed(1)} GiB with its gradient and moments; ` +
      `at most ${gibibytes(limit)} GiB fit`,
    hint: (_, { given }) =>
      `Use a model with a smaller vocabulary or hidden size, or a GPU (${given('device', 'webgpu')}).`,
  }),
  'cpu-memory-exhausted': worded<{ bytes: number }>({
    says: ({ bytes }) => `${(bytes / 2 ** 20).toFixed(0)} MiB of memory could not be reserved for the model`,
    hint: () => 'Close other programs, or use a smaller model.',
  }),
  /** `device`: webgpu, webgpu-matrix-units. */
  'webgpu-unavailable': worded<{ device: string; reason: string }>({
    says: ({ device, reason }) => `the device ${device} is not available: ${reason}`,
    hint: (_, { given }) => `Use ${given('device', 'cpu')}.`,
  }),
  /** `units`: all that the adapter lists, in words. */
  'matrix-units-unavailable': worded<{ adapter: string; units: readonly string[] }>({
    says: ({ adapter, units }) => {
      const why =
        units.length > 0
          ? 'has no tensor cores (subgroup matrices) that attune can use: ' +
            `it has ${units.join(', ')}, but sums must be in f32`
          : 'reports no tensor cores (subgroup matrices)';
      return `the device webgpu-matrix-units is not available: ${adapter} ${why}`;
    },
    hint: (_, { given }) => `Use ${given('device', 'webgpu')}, which multiplies in float32 on any GPU.`,
  }),
  'gpu-tensor-too-large': worded<{ tensor: string; bytes: number; limit: number }>({
    says: ({ tensor, bytes, limit }) =>
      `${tensor} takes ${mebibytes(bytes)}, but one binding on this GPU holds ${mebibytes(limit)} at most`,
    hint: (_, { given }) =>
      `Use ${given('device', 'cpu')}, or a GPU whose maxStorageBufferBindingSize is larger.`,
  }),
  /** `run`: all that the run would take. */
  'gpu-buffer-too-large': worded<{
    batch: LargestBatch;
    bytes: number;
    limit: number;
    run: readonly MemoryPart[];
  }>({
    says: ({ batch, bytes, limit, run }) =>
      `${batchText(batch)} needs a buffer of ${mebibytes(bytes)}, ` +
      `but one on this GPU holds ${mebibytes(limit)} at most (the run would take ${memoryText(run)})`,
    hint: (_, shell) => smaller(shell),
  }),
  'gpu-workgroups-exceeded': worded<{ batch: LargestBatch; workgroups: number; limit: number }>({
    says: ({ batch, workgroups, limit }) =>
      `${batchText(batch)} needs ${counted(workgroups)} workgroups side by side, ` +
      `but this GPU takes ${counted(limit)} at most`,
    hint: (_, shell) => smaller(shell),
  }),
  /** `run`: all that it needs, if that was estimated; `each`: bytes of the model's numbers of one kind. */
  'gpu-memory-exhausted': worded<{ run?: readonly MemoryPart[] | undefined; each: number; reason: string }>({
    says: ({ run, each, reason }) => {
      const needed =
        run === undefined
          ? `parameters, gradients and two moments take ${mebibytes(each)} each, ` +
            'beside a batch’s intermediate results'
          : `the run needs ${memoryText(run)}`;
      return `the GPU has too little memory: ${needed} (${reason})`;
    },
    hint: (_, shell) => smaller(shell),
  }),
  'gpu-lost': worded<{ destroyed: boolean; reason: string }>({
    says: ({ destroyed, reason }) => `the GPU device was lost${destroyed ? ' (destroyed)' : ''}: ${reason}`,
    hint: (_, { given }) =>
      'Checkpoints saved so far are complete: ' +
      `resume with ${given('resumeFromCheckpoint', true)}, on the GPU or with ${given('device', 'cpu')}.`,
  }),
  'gpu-command-refused': worded<{ reason: string }>({
    says: ({ reason }) => `the GPU refused a command: ${reason}`,
    hint: (_, { given }) =>
      `This is a defect of attune: please report it. ${given('device', 'cpu')} works meanwhile.`,
  }),
  'gpu-failed': worded<{ reason: string }>({
    says: ({ reason }) => `the GPU failed: ${reason}`,
    hint: (_, { given }) => `Try again, or use ${given('device', 'cpu')}.`,
  }),
};
