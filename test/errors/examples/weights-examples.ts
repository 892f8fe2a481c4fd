import type { WEIGHTS_ERRORS } from '#attune/errors/codes/weights-errors.js';
import type { Examples } from './examples.js';

const file = 'model/model.safetensors';
const index = 'model/model.safetensors.index.json';
const archive = 'checkpoint-9/optimizer.pt';
const tensor = 'transformer.wte.weight';
const shard = 'model-00002-of-00003.safetensors';

export const WEIGHTS_EXAMPLES: Examples<typeof WEIGHTS_ERRORS> = {
  'safetensors-not-file': [{ file }],
  'safetensors-shrank': [{ file, byte: 1024 }],
  'safetensors-lfs-pointer': [{ file }],
  'safetensors-too-short': [{ file, bytes: 7 }],
  'safetensors-header-too-long': [{ file, headerBytes: '18446744073709551615' }],
  'safetensors-header-truncated': [{ file, headerBytes: '1000', bytes: 16 }],
  'safetensors-header-not-object': [{ file }],
  'safetensors-header-not-json': [{ file, reason: 'Unexpected end of JSON input' }],
  'safetensors-name-twice': [{ file, name: 'x' }],
  'safetensors-metadata-not-object': [{ file }],
  'safetensors-metadata-not-text': [{ file, key: 'format' }],
  'safetensors-tensor-not-object': [{ file, tensor }],
  'safetensors-dtype-unknown': [
    { file, tensor, dtype: 'F31' },
    { file, tensor, dtype: undefined },
  ],
  'safetensors-shape-invalid': [{ file, tensor, shape: [0.5] }],
  'safetensors-shape-too-large': [{ file, tensor, shape: [2 ** 40, 2 ** 40] }],
  'safetensors-offsets-invalid': [{ file, tensor, offsets: [8, 0] }],
  'safetensors-tensor-truncated': [{ file, tensor, end: 96, bytes: 80 }],
  'safetensors-tensor-size': [{ file, tensor, dtype: 'F32', shape: [3], found: 8, expected: 12 }],
  'safetensors-overlap': [{ file, tensors: ['x', 'y'] }],
  'safetensors-gap': [
    { file, bytes: 4, after: undefined, before: 'x' },
    { file, bytes: 4, after: 'x', before: 'y' },
    { file, bytes: 1, after: 'x', before: undefined },
  ],

  'shards-unreadable': [{ file: index, reason: 'Unexpected end of JSON input' }],
  'shards-without-map': [{ file: index }],
  'shard-name-invalid': [{ file: index, tensor, shard: '../other/model.safetensors' }],
  'shard-missing': [{ file: index, shard }],
  'shard-without-tensor': [{ file: index, tensor, shard }],

  'tensor-missing': [{ file, tensor }],
  'tensor-type-unsupported': [{ file, tensor, dtype: 'I8', known: ['F64', 'F32'] }],
  'tensor-type-unexpected': [{ file, tensor, dtype: 'BF16', known: ['F32', 'F64', 'I32'] }],
  'weights-name-twice': [{ folder: 'model', names: [tensor, 'wte.weight'] }],
  'weights-incomplete': [
    { folder: 'model', missing: ['transformer.wpe.weight', 'transformer.h.0.ln_2.bias'] },
    { folder: 'model', missing: Array.from({ length: 13 }, (_, i) => `transformer.h.${i}.ln_1.bias`) },
  ],
  'weights-shape': [{ file, tensor, found: [12, 4], expected: [4, 12] }],
  'weights-label-count': [{ file, tensor: 'score.weight', found: [3, 4], expected: [2, 4] }],
  'weights-vocabulary-size': [
    { file, tensor, found: [5, 4], expected: [6, 4] },
    { file, tensor, found: [5, 4], expected: [4, 4] },
  ],
  'weights-not-finite': [{ file, tensor, value: 'NaN', index: [2, 5] }],

  'torch-file-damaged': [{ file: archive, reason: 'it ends at byte 90' }],
  'torch-file-checksum': [{ file: archive, entry: 'optimizer/data/0' }],
  'torch-file-compressed': [{ file: archive, entry: 'optimizer/data/0' }],
  'torch-file-without-pickle': [{ file: archive }],
  'torch-file-pickle-size': [{ file: archive, bytes: 67_108_865 }],
  'torch-file-big-endian': [{ file: archive }],
  'torch-tensor-type': [{ file: archive, tensor: 'data/0', storage: 'LongStorage' }],
  'torch-tensor-missing': [{ file: archive, tensor: 'data/0' }],
  'torch-tensor-not-contiguous': [{ file: archive, tensor: 'data/0' }],
  'torch-tensor-size': [{ file: archive, tensor: 'data/0' }],

  'pickle-protocol': [{ file: archive, protocol: 4 }],
  'pickle-opcode': [{ file: archive, opcode: 0x6f, byte: 17 }],
  'pickle-call': [{ file: archive, name: 'os.system' }],
  'pickle-unsound': [
    { file: archive, fault: 'ends-early' },
    { file: archive, fault: 'values-left' },
    { file: archive, fault: 'stack-empty' },
    { file: archive, fault: 'number-too-large' },
    { file: archive, fault: 'not-stored' },
    { file: archive, fault: 'not-a-list' },
    { file: archive, fault: 'not-a-dict' },
    { file: archive, fault: 'dict-of-something' },
    { file: archive, fault: 'not-a-function' },
    { file: archive, fault: 'not-a-storage' },
    { file: archive, fault: 'tensor-without-storage' },
    { file: archive, fault: 'tensor-without-shape' },
    { file: archive, fault: 'key-type' },
    { file: archive, fault: 'too-deep' },
    { file: archive, fault: 'not-data' },
  ],
};
