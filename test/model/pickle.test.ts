/**
 * A pickle is a program, and readPickle runs none of it. The bytes are written by hand or by CPython's pickle;
 * comments give the Python source.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ModelError } from '#attune/errors/attune-error.js';
import type { PickleFault } from '#attune/errors/codes/weights-errors.js';
import { readPickle } from '#attune/model/pickle.js';
import { refusal } from '../support/refusal.js';

type Check = ReturnType<typeof refusal>;

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');
const read = (text: string): unknown => readPickle(bytes(text), 'file.pt');

describe('readPickle', () => {
  it('reads plain values', () => {
    // pickle.dumps({'a': [1, -2, 300, 70000, 2.5, True, False, None, (), (1,), (1, 2), (1, 2, 3), (1, 2, 3,
    // 4)], 7: -5000000000}, 2)
    const hex =
      '80027d71002858010000006171015d7102284b014afeffffff4d2c014a7011010047400400000000000088894e29' +
      '4b018571034b014b028671044b014b024b03877105284b014b024b034b04747106654b078a05000efad5fe752e';
    assert.deepEqual(
      readPickle(Buffer.from(hex, 'hex'), 'file.pt'),
      new Map<unknown, unknown>([
        ['a', [1, -2, 300, 70000, 2.5, true, false, null, [], [1], [1, 2], [1, 2, 3], [1, 2, 3, 4]]],
        [7, -5000000000],
      ]),
    );
    // collections.OrderedDict()
    assert.deepEqual(read('\x80\x02ccollections\nOrderedDict\n)R.'), new Map());
  });

  it('describes a tensor without making it', () => {
    const storage = `(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x06tQ`;
    assert.deepEqual(
      read(
        `\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(${storage}K\x00K\x02K\x03\x86K\x03K\x01\x86\x89` +
          'ccollections\nOrderedDict\n)RtR.',
      ),
      {
        kind: 'tensor',
        key: '0',
        storage: 'FloatStorage',
        storageLength: 6,
        offset: 0,
        shape: [2, 3],
        strides: [3, 1],
      },
    );
  });

  it('refuses every call except the two that tensors need, and names it', () => {
    const file = 'file.pt';
    const call = (name: string): Check => refusal(ModelError, 'pickle-call', { file, name });
    const opcode = (found: number, byte: number): Check =>
      refusal(ModelError, 'pickle-opcode', { file, opcode: found, byte });
    const unsound = (fault: PickleFault): Check => refusal(ModelError, 'pickle-unsound', { file, fault });
    const attacks: readonly (readonly [pickle: string, refused: Check])[] = [
      ['\x80\x02cos\nsystem\nX\x02\x00\x00\x00id\x85R.', call('os.system')],
      ['\x80\x02cbuiltins\neval\nX\x01\x00\x00\x001\x85R.', call('builtins.eval')],
      ['\x80\x02c__builtin__\n__proto__\n)R.', call('__builtin__.__proto__')],
      ['\x80\x02cconstructor\nconstructor\n)R.', call('constructor.constructor')],
      ['\x80\x02ctorch._utils\n_rebuild_tensor_v2\n.', unsound('not-data')],
      ['\x80\x02ctorch\nFloatStorage\n)R.', call('torch.FloatStorage')],
      ['\x80\x02ccollections\nOrderedDict\n]\x85R.', unsound('dict-of-something')],
      ["cos\nsystem\n(S'id'\ntR.", opcode(0x53, 12)], // STRING of protocol 0
      ['\x80\x02(cos\nsystem\nX\x02\x00\x00\x00ido.', opcode(0x6f, 21)], // OBJ
      ['\x80\x02cos\nsystem\n)\x81.', opcode(0x81, 14)], // NEWOBJ
      ['\x80\x02(ios\nsystem\n.', opcode(0x69, 3)], // INST
      ['\x80\x02]}b.', opcode(0x62, 4)], // BUILD
      ['\x80\x02\x82\x01.', opcode(0x82, 2)], // EXT1
      ['\x80\x04\x95', refusal(ModelError, 'pickle-protocol', { file, protocol: 4 })],
      [
        '\x80\x02(X\x07\x00\x00\x00storagecos\nsystem\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x06tQ.',
        unsound('not-a-storage'),
      ],
    ];
    for (const [pickle, refused] of attacks) assert.throws(() => read(pickle), refused, pickle);
  });

  it('refuses a list that contains itself or is nested a thousand levels deep', () => {
    const refused = refusal(ModelError, 'pickle-unsound', { file: 'file.pt', fault: 'too-deep' });
    assert.throws(() => read('\x80\x02]q\x00h\x00a.'), refused);
    assert.throws(() => read(`\x80\x02${']'.repeat(1000)}${'a'.repeat(999)}.`), refused);
  });

  it('returns a value or throws a ModelError for any bytes', () => {
    const opcodes = fc.constantFrom(
      '(',
      '}',
      ']',
      ')',
      'K\x01',
      'q\x00',
      'h\x00',
      't',
      'u',
      's',
      'a',
      'e',
      'R',
      'Q',
      '\x85',
      '\x86',
      'N',
      'ccollections\nOrderedDict\n',
      'X\x01\x00\x00\x00a',
      '\x8a\x09123456789',
    );
    const program = fc.oneof(
      fc.array(opcodes, { maxLength: 30 }).map((parts) => `\x80\x02${parts.join('')}.`),
      fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array).toString('latin1')),
    );
    fc.assert(
      fc.property(program, (text) => {
        try {
          read(text);
        } catch (error) {
          assert.ok(error instanceof ModelError, String(error));
        }
      }),
      { numRuns: 3000 },
    );
  });
});
