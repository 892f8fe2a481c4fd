/** What is wrong with files of tensors: safetensors, its index of shards, and files of torch.save. */
import type { Plain, Wording } from '../wording.js';
import { worded } from '../wording.js';

type Tensor = { file: string; tensor: string };
/** A shape in the file, and the one that the config asks for. */
type ShapeMismatch = Tensor & { found: readonly number[]; expected: readonly number[] };

const MOST_LISTED = 12;
const DO_NOT_MATCH = 'config.json and weights do not belong together: take both from the same model folder.';
const DOWNLOAD_AGAIN = 'Download the folder again, with all shards.';
const OTHER_CHECKPOINT = 'Resume from another checkpoint.';

const dimensions = (shape: readonly number[]): string => `[${shape.join(', ')}]`;
const mismatch = ({ file, tensor, found, expected }: ShapeMismatch): string =>
  `${file}: size mismatch for ${tensor}: ` +
  `the file has ${dimensions(found)}, but the config asks for ${dimensions(expected)}`;

/** A safetensors file that breaks the format's rules. */
const damaged = <F extends { file: string }>(says: (facts: F) => string): Wording<F> =>
  worded<F>({
    says: (facts) => `${facts.file} is damaged: ${says(facts)}`,
    hint: () => 'Download or save the file again.',
  });

/** A file of torch.save that attune does not read. */
const unreadable = <F extends { file: string }>(says: (facts: F) => string): Wording<F> =>
  worded<F>({ says, hint: () => OTHER_CHECKPOINT });

/** A pickle that is no plain description of tensors. */
const unpicklable = <F extends { file: string }>(says: (facts: F) => string): Wording<F> =>
  worded<F>({
    says: (facts) => `${facts.file}: ${says(facts)}`,
    hint: () => 'attune reads what torch.save writes of an optimizer’s state, and executes nothing.',
  });

/** What a pickle can do that no saved tensor needs. */
const PICKLE_FAULTS = {
  'ends-early': 'ends too early',
  'values-left': 'ends with a stack that is not one value',
  'stack-empty': 'takes from an empty stack',
  'number-too-large': 'holds a whole number above 2^53',
  'not-stored': 'recalls something that it has not stored',
  'not-a-list': 'appends to something that is not a list',
  'not-a-dict': 'sets items of something that is not a dict',
  'dict-of-something': 'makes an OrderedDict that is not empty',
  'not-a-function': 'calls something that is not a function',
  'not-a-storage': 'refers to something other than a storage',
  'tensor-without-storage': 'describes a tensor without a storage',
  'tensor-without-shape': 'describes a tensor without a shape',
  'key-type': 'has a dict whose keys are neither strings nor numbers',
  'too-deep': 'is nested too deeply',
  'not-data': 'holds something that is not data',
} as const;

export type PickleFault = keyof typeof PICKLE_FAULTS;

export const WEIGHTS_ERRORS = {
  'safetensors-not-file': worded<{ file: string }>({
    says: ({ file }) => `${file} is not a file`,
    hint: () => 'A folder or device has this name: put the file of weights in its place.',
  }),
  'safetensors-shrank': worded<{ file: string; byte: number }>({
    says: ({ file, byte }) => `${file} ended at byte ${byte} while it was being read`,
    hint: () => 'Another program is writing to it: try again when that is done.',
  }),
  'safetensors-lfs-pointer': worded<{ file: string }>({
    says: ({ file }) => `${file} is a Git LFS pointer, not the weights themselves`,
    hint: () => 'Run `git lfs pull` in the model folder, or download the file again.',
  }),
  'safetensors-too-short': damaged<{ file: string; bytes: number }>(
    ({ bytes }) => `it has ${bytes} bytes, fewer than the 8 every safetensors file begins with`,
  ),
  // As texts, because a damaged file may give 2^64 - 1.
  'safetensors-header-too-long': damaged<{ file: string; headerBytes: string }>(
    ({ headerBytes }) => `its header would have ${headerBytes} bytes`,
  ),
  'safetensors-header-truncated': damaged<{ file: string; headerBytes: string; bytes: number }>(
    ({ headerBytes, bytes }) =>
      `its header would have ${headerBytes} bytes, but the file has only ${bytes}; ` +
      'it is truncated or not a safetensors file',
  ),
  'safetensors-header-not-object': damaged<{ file: string }>(() => 'its header does not begin with {'),
  'safetensors-header-not-json': damaged<{ file: string; reason: string }>(
    ({ reason }) => `its header is not JSON (${reason})`,
  ),
  'safetensors-name-twice': damaged<{ file: string; name: string }>(
    ({ name }) => `its header has ${JSON.stringify(name)} twice`,
  ),
  'safetensors-metadata-not-object': damaged<{ file: string }>(() => '__metadata__ is not a JSON object'),
  'safetensors-metadata-not-text': damaged<{ file: string; key: string }>(
    ({ key }) => `__metadata__: ${key} is not a string`,
  ),
  'safetensors-tensor-not-object': damaged<Tensor>(
    ({ tensor }) => `tensor ${tensor} is not described by a JSON object`,
  ),
  'safetensors-dtype-unknown': damaged<Tensor & { dtype: Plain }>(
    ({ tensor, dtype }) =>
      `tensor ${tensor} has the dtype ${JSON.stringify(dtype)}, which attune does not know`,
  ),
  'safetensors-shape-invalid': damaged<Tensor & { shape: Plain }>(
    ({ tensor, shape }) => `tensor ${tensor} has the shape ${JSON.stringify(shape)}`,
  ),
  'safetensors-shape-too-large': damaged<Tensor & { shape: readonly number[] }>(
    ({ tensor, shape }) => `tensor ${tensor} has the shape ${dimensions(shape)}, which no file can hold`,
  ),
  'safetensors-offsets-invalid': damaged<Tensor & { offsets: Plain }>(
    ({ tensor, offsets }) => `tensor ${tensor} has the data_offsets ${JSON.stringify(offsets)}`,
  ),
  'safetensors-tensor-truncated': damaged<Tensor & { end: number; bytes: number }>(
    ({ tensor, end, bytes }) =>
      `tensor ${tensor} ends at byte ${end}, but the file has ${bytes} bytes; it is truncated`,
  ),
  'safetensors-tensor-size': damaged<
    Tensor & { dtype: string; shape: readonly number[]; found: number; expected: number }
  >(
    ({ tensor, dtype, shape, found, expected }) =>
      `tensor ${tensor} has ${found} bytes, but ${dtype} ${dimensions(shape)} needs ${expected}`,
  ),
  'safetensors-overlap': damaged<{ file: string; tensors: readonly [string, string] }>(
    ({ tensors: [first, second] }) => `tensors ${first} and ${second} overlap`,
  ),
  /** `after` is undefined behind the header, `before` at the end of the file. */
  'safetensors-gap': damaged<{
    file: string;
    bytes: number;
    after: string | undefined;
    before: string | undefined;
  }>(({ bytes, after = 'the header', before }) =>
    before === undefined
      ? `bytes after ${after} belong to no tensor (${bytes})`
      : `bytes between ${after} and tensor ${before} belong to no tensor (${bytes})`,
  ),

  'shards-unreadable': worded<{ file: string; reason: string }>({
    says: ({ file, reason }) => `cannot read ${file}: ${reason}`,
    hint: () => DOWNLOAD_AGAIN,
  }),
  'shards-without-map': worded<{ file: string }>({
    says: ({ file }) => `${file} has no weight_map`,
    hint: () => DOWNLOAD_AGAIN,
  }),
  'shard-name-invalid': worded<Tensor & { shard: Plain }>({
    says: ({ file, tensor, shard }) =>
      `${file} places tensor ${tensor} in ${JSON.stringify(shard)}, which is not the name of a file in its folder`,
    hint: () => 'Download the folder again from a source that you trust.',
  }),
  'shard-missing': worded<{ file: string; shard: string }>({
    says: ({ file, shard }) => `${file} lists the shard ${shard}, which is missing`,
    hint: () => DOWNLOAD_AGAIN,
  }),
  'shard-without-tensor': worded<Tensor & { shard: string }>({
    says: ({ file, tensor, shard }) => `${file} places tensor ${tensor} in ${shard}, which does not hold it`,
    hint: () => DOWNLOAD_AGAIN,
  }),

  'tensor-missing': worded<Tensor>({
    says: ({ file, tensor }) => `${file} has no tensor ${tensor}`,
    hint: () => 'Download or save the file again.',
  }),
  'tensor-type-unsupported': worded<Tensor & { dtype: string; known: readonly string[] }>({
    says: ({ file, tensor, dtype, known }) =>
      `${file}: tensor ${tensor} is ${dtype}; attune reads ${known.join(', ')}`,
    hint: () => 'Save the model again with floating-point weights.',
  }),
  'tensor-type-unexpected': worded<Tensor & { dtype: string; known: readonly string[] }>({
    says: ({ file, tensor, dtype, known }) =>
      `${file}: tensor ${tensor} is ${dtype}, not ${known.slice(0, -1).join(', ')} or ${known.at(-1)}`,
    hint: () => 'attune did not write this file: use the one that it saved.',
  }),
  'weights-name-twice': worded<{ folder: string; names: readonly [string, string] }>({
    says: ({ folder, names }) => `${folder} holds both ${names.join(' and ')}, which are the same parameter`,
    hint: () => 'Save the model again, so that each parameter is in it once.',
  }),
  'weights-incomplete': worded<{ folder: string; missing: readonly string[] }>({
    says: ({ folder, missing }) => {
      const rest = missing.length > MOST_LISTED ? `, … (${missing.length} in all)` : '';
      return `the weights in ${folder} lack ${missing.slice(0, MOST_LISTED).join(', ')}${rest}`;
    },
    hint: () =>
      'Only the classification head may be missing. ' +
      'Do the weights belong to this config.json (n_layer in particular)?',
  }),
  'weights-shape': worded<ShapeMismatch>({ says: mismatch, hint: () => DO_NOT_MATCH }),
  'weights-label-count': worded<ShapeMismatch>({
    says: (facts) => `${mismatch(facts)}; its head has ${facts.found[0]} labels, not ${facts.expected[0]}`,
    hint: ({ found }) =>
      `Use data with its ${found[0]} labels, ` +
      'or start from a model without a classification head, which then gets a new one.',
  }),
  'weights-vocabulary-size': worded<ShapeMismatch>({
    says: (facts) => {
      const relation = facts.found[0] < facts.expected[0] ? 'fewer' : 'more';
      return `${mismatch(facts)}; the embedding has ${relation} rows than the vocabulary (vocab_size)`;
    },
    hint: () => DO_NOT_MATCH,
  }),
  // The value is a text, because JSON has no NaN.
  'weights-not-finite': worded<Tensor & { value: string; index: readonly number[] }>({
    says: ({ file, tensor, value, index }) => `${file}: tensor ${tensor} is ${value} at ${dimensions(index)}`,
    hint: () => 'A run that diverged left these weights; use an earlier checkpoint.',
  }),

  'torch-file-damaged': unreadable<{ file: string; reason: string }>(
    ({ file, reason }) => `${file} is damaged or not what torch.save writes: ${reason}`,
  ),
  'torch-file-checksum': unreadable<{ file: string; entry: string }>(
    ({ file, entry }) => `${file} is damaged: ${entry} is not what was written (CRC-32)`,
  ),
  'torch-file-compressed': unreadable<{ file: string; entry: string }>(
    ({ file, entry }) => `${file}: ${entry} is compressed or encrypted, which torch.save never does`,
  ),
  'torch-file-without-pickle': unreadable<{ file: string }>(
    ({ file }) => `${file} holds no data.pkl: it is not what torch.save writes`,
  ),
  'torch-file-pickle-size': unreadable<{ file: string; bytes: number }>(
    ({ file, bytes }) => `${file}: its data.pkl has ${bytes} bytes, too many for an optimizer’s state`,
  ),
  'torch-file-big-endian': unreadable<{ file: string }>(
    ({ file }) => `${file} was saved on a big-endian machine, which attune does not read`,
  ),
  'torch-tensor-type': unreadable<Tensor & { storage: string }>(
    ({ file, tensor, storage }) => `${file}: tensor ${tensor} is a ${storage}, not floating point`,
  ),
  'torch-tensor-missing': unreadable<Tensor>(({ file, tensor }) => `${file}: tensor ${tensor} is missing`),
  'torch-tensor-not-contiguous': unreadable<Tensor>(
    ({ file, tensor }) => `${file}: tensor ${tensor} is not contiguous`,
  ),
  'torch-tensor-size': unreadable<Tensor>(
    ({ file, tensor }) => `${file}: tensor ${tensor} does not fit its storage`,
  ),

  'pickle-protocol': unpicklable<{ file: string; protocol: number }>(
    ({ protocol }) => `it is a pickle of protocol ${protocol}, not 2`,
  ),
  'pickle-opcode': unpicklable<{ file: string; opcode: number; byte: number }>(
    ({ opcode, byte }) =>
      `its pickle has the opcode 0x${opcode.toString(16).padStart(2, '0')} at byte ${byte}, ` +
      'which no saved tensor needs',
  ),
  'pickle-call': unpicklable<{ file: string; name: string }>(
    ({ name }) => `its pickle calls ${name}, which is refused`,
  ),
  'pickle-unsound': unpicklable<{ file: string; fault: PickleFault }>(
    ({ fault }) => `its pickle ${PICKLE_FAULTS[fault]}`,
  ),
};
