import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import { ModelError } from '#attune/errors/attune-error.js';
import type { FactsOf } from '#attune/errors/catalogue.js';
import type { WEIGHTS_ERRORS } from '#attune/errors/codes/weights-errors.js';
import { SafetensorsFile } from '#attune/model/safetensors.js';
import { fixtureJson, fixturePath } from '../support/fixtures.js';
import { folder } from '../support/folder.js';
import { refusal } from '../support/refusal.js';
import { float32File, safetensorsBytes } from '../support/safetensors.js';

const FILE = 'model.safetensors';

async function opened(t: TestContext, path: string): Promise<SafetensorsFile> {
  const file = await SafetensorsFile.open(path);
  t.after(() => file.close());
  return file;
}

/** NaN equals NaN, and -0 does not equal 0. */
function assertSame(actual: Float32Array, expected: readonly number[], what: string): void {
  assert.deepEqual([...actual], [...expected], what);
}

const eight = new Uint8Array(8);
const x = (changes: object = {}): object => ({ dtype: 'F32', shape: [2], data_offsets: [0, 8], ...changes });
const lengthOnly = (length: bigint): Uint8Array => new Uint8Array(BigUint64Array.of(length).buffer);
type HeaderCode = Extract<keyof typeof WEIGHTS_ERRORS, `safetensors-${string}`>;
type Damage = {
  [Code in HeaderCode]: readonly [what: string, Uint8Array, Code, Omit<FactsOf<Code>, 'file' | 'reason'>];
}[HeaderCode];
/** Where the numbers of this file begin. */
const dataStart = (file: Uint8Array): number =>
  8 + new DataView(file.buffer, file.byteOffset).getUint32(0, true);
const beyond = safetensorsBytes({ x: x({ shape: [4], data_offsets: [0, 16] }) }, eight);

const damage: readonly Damage[] = [
  ['an empty file', new Uint8Array(0), 'safetensors-too-short', { bytes: 0 }],
  ['a file of fewer than 8 bytes', new Uint8Array(7), 'safetensors-too-short', { bytes: 7 }],
  [
    'a file that ends after the header length',
    lengthOnly(2n),
    'safetensors-header-truncated',
    { headerBytes: '2', bytes: 8 },
  ],
  [
    'a header length of 2^64 - 1',
    lengthOnly(2n ** 64n - 1n),
    'safetensors-header-too-long',
    { headerBytes: '18446744073709551615' },
  ],
  [
    'a header length beyond the end of the file',
    Buffer.concat([lengthOnly(1000n), eight]),
    'safetensors-header-truncated',
    { headerBytes: '1000', bytes: 16 },
  ],
  [
    'a Git LFS pointer',
    Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n'),
    'safetensors-lfs-pointer',
    {},
  ],
  ['a header of length 0', safetensorsBytes(''), 'safetensors-header-not-object', {}],
  ['a header that begins with a space', safetensorsBytes(' {}'), 'safetensors-header-not-object', {}],
  ['a header that is not JSON', safetensorsBytes('{"x": '), 'safetensors-header-not-json', {}],
  [
    'a header that is not UTF-8',
    Buffer.concat([lengthOnly(4n), Buffer.from([0x7b, 0xff, 0x7d, 0x20])]),
    'safetensors-header-not-json',
    {},
  ],
  [
    'a tensor name that occurs twice',
    safetensorsBytes(`{"x": ${JSON.stringify(x())}, "\\u0078": ${JSON.stringify(x())}}`, eight),
    'safetensors-name-twice',
    { name: 'x' },
  ],
  [
    'a field that occurs twice',
    safetensorsBytes('{"x": {"dtype": "F32", "shape": [2], "shape": [2], "data_offsets": [0, 8]}}', eight),
    'safetensors-name-twice',
    { name: 'shape' },
  ],
  [
    'a tensor that is not described by an object',
    safetensorsBytes({ x: 1 }, eight),
    'safetensors-tensor-not-object',
    { tensor: 'x' },
  ],
  [
    'metadata that is not an object',
    safetensorsBytes({ __metadata__: [] }),
    'safetensors-metadata-not-object',
    {},
  ],
  [
    'metadata values that are not strings',
    safetensorsBytes({ __metadata__: { format: 1 } }),
    'safetensors-metadata-not-text',
    { key: 'format' },
  ],
  [
    'an unknown dtype',
    safetensorsBytes({ x: x({ dtype: 'F31' }) }, eight),
    'safetensors-dtype-unknown',
    { tensor: 'x', dtype: 'F31' },
  ],
  [
    'a tensor without a dtype',
    safetensorsBytes({ x: x({ dtype: undefined }) }, eight),
    'safetensors-dtype-unknown',
    { tensor: 'x', dtype: undefined },
  ],
  [
    'a dtype with the name of an object method',
    safetensorsBytes({ x: x({ dtype: 'constructor' }) }, eight),
    'safetensors-dtype-unknown',
    { tensor: 'x', dtype: 'constructor' },
  ],
  [
    'a negative dimension',
    safetensorsBytes({ x: x({ shape: [-2] }) }, eight),
    'safetensors-shape-invalid',
    { tensor: 'x', shape: [-2] },
  ],
  [
    'a fractional dimension',
    safetensorsBytes({ x: x({ shape: [0.5] }) }, eight),
    'safetensors-shape-invalid',
    { tensor: 'x', shape: [0.5] },
  ],
  [
    'a tensor without a shape',
    safetensorsBytes({ x: x({ shape: null }) }, eight),
    'safetensors-shape-invalid',
    { tensor: 'x', shape: null },
  ],
  [
    'a shape of more than 2^53 numbers',
    safetensorsBytes({ x: x({ shape: [2 ** 40, 2 ** 40] }) }, eight),
    'safetensors-shape-too-large',
    { tensor: 'x', shape: [2 ** 40, 2 ** 40] },
  ],
  [
    'a tensor with three offsets',
    safetensorsBytes({ x: x({ data_offsets: [0, 4, 8] }) }, eight),
    'safetensors-offsets-invalid',
    { tensor: 'x', offsets: [0, 4, 8] },
  ],
  [
    'offsets in the wrong order',
    safetensorsBytes({ x: x({ data_offsets: [8, 0] }) }, eight),
    'safetensors-offsets-invalid',
    { tensor: 'x', offsets: [8, 0] },
  ],
  [
    'more bytes than the shape needs',
    safetensorsBytes({ x: x({ shape: [1] }) }, eight),
    'safetensors-tensor-size',
    { tensor: 'x', dtype: 'F32', shape: [1], found: 8, expected: 4 },
  ],
  [
    'fewer bytes than the shape needs',
    safetensorsBytes({ x: x({ shape: [3] }) }, eight),
    'safetensors-tensor-size',
    { tensor: 'x', dtype: 'F32', shape: [3], found: 8, expected: 12 },
  ],
  [
    'a tensor beyond the end of the file',
    beyond,
    'safetensors-tensor-truncated',
    { tensor: 'x', end: dataStart(beyond) + 16, bytes: beyond.length },
  ],
  [
    'overlapping tensors',
    safetensorsBytes({ x: x(), y: x({ shape: [1], data_offsets: [4, 8] }) }, eight),
    'safetensors-overlap',
    { tensors: ['x', 'y'] },
  ],
  [
    'two tensors with the same bytes',
    safetensorsBytes({ x: x(), y: x() }, eight),
    'safetensors-overlap',
    { tensors: ['x', 'y'] },
  ],
  [
    'a gap before the first tensor',
    safetensorsBytes({ x: x({ shape: [1], data_offsets: [4, 8] }) }, eight),
    'safetensors-gap',
    { bytes: 4, after: undefined, before: 'x' },
  ],
  [
    'a gap between two tensors',
    safetensorsBytes({ x: x(), y: x({ data_offsets: [12, 20] }) }, new Uint8Array(20)),
    'safetensors-gap',
    { bytes: 4, after: 'x', before: 'y' },
  ],
  [
    'bytes after the last tensor',
    safetensorsBytes({ x: x() }, new Uint8Array(9)),
    'safetensors-gap',
    { bytes: 1, after: 'x', before: undefined },
  ],
];

describe('SafetensorsFile.read', () => {
  it('reads every floating-point format as float32, as PyTorch converts it', async (t) => {
    const golden = fixtureJson('model/dtypes.json') as { values: Record<string, (number | string)[]> };
    const file = await opened(t, fixturePath('model/dtypes.safetensors'));
    const numbers: Record<string, number> = { nan: NaN, inf: Infinity, '-inf': -Infinity };
    for (const [name, values] of Object.entries(golden.values)) {
      assertSame(
        await file.read(name),
        values.map((value) => (typeof value === 'string' ? numbers[value] : value)),
        name,
      );
    }
    assert.deepEqual([...file.tensors.keys()].sort(), [...Object.keys(golden.values), 'i64'].sort());
    assert.deepEqual(file.tensors.get('f32')?.shape, [2, 3]);
    assert.deepEqual(file.tensors.get('scalar')?.shape, []);
    assert.deepEqual(file.tensors.get('empty')?.shape, [0, 7]);
    assert.deepEqual([...file.metadata].sort(), [
      ['format', 'pt'],
      ['note', 'déjà vu'],
    ]);
  });

  it('converts all 65,536 half-precision values as numpy does', async (t) => {
    const golden = fixtureJson('model/dtypes.json') as { halves_sha256: string };
    const halves = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const header = { x: { dtype: 'F16', shape: [65536], data_offsets: [0, 131072] } };
    const path = join(folder(t, { [FILE]: safetensorsBytes(header, new Uint8Array(halves.buffer)) }), FILE);
    const numbers = (await (await opened(t, path)).read('x')).filter((value) => !Number.isNaN(value));
    assert.equal(numbers.length, 65536 - 2 * 1023);
    assert.equal(
      createHash('sha256').update(new Uint8Array(numbers.buffer)).digest('hex'),
      golden.halves_sha256,
    );
  });

  it('reads a tensor of many chunks completely', async (t) => {
    // Chunks of 4 MiB; two bytes per number.
    const count = 5 * 2 ** 20 + 3;
    const halves = Uint16Array.from({ length: count }, (_, i) => (i * 7) % 0x3f80);
    const header = { x: { dtype: 'BF16', shape: [count], data_offsets: [0, 2 * count] } };
    const path = join(folder(t, { [FILE]: safetensorsBytes(header, new Uint8Array(halves.buffer)) }), FILE);
    const values = await (await opened(t, path)).read('x');
    const bits = new Uint32Array(values.buffer);
    assert.ok(bits.every((bit, i) => bit === halves[i] * 65536));
  });

  it('refuses integer tensors, which are only listed, and unknown names', async (t) => {
    const file = await opened(t, fixturePath('model/dtypes.safetensors'));
    assert.equal(file.tensors.get('i64')?.dtype, 'I64');
    const place = { file: file.path };
    await assert.rejects(
      file.read('i64'),
      refusal(ModelError, 'tensor-type-unsupported', { ...place, tensor: 'i64', dtype: 'I64' }),
    );
    await assert.rejects(
      file.read('absent'),
      refusal(ModelError, 'tensor-missing', { ...place, tensor: 'absent' }),
    );
  });

  it('refuses a tensor if the file shrank after it was opened', async (t) => {
    const bytes = float32File(new Map([['a', { shape: [4], values: new Float32Array(4) }]]));
    const path = join(folder(t, { [FILE]: bytes }), FILE);
    const file = await opened(t, path);
    const kept = bytes.length - 3;
    truncateSync(path, kept);
    await assert.rejects(
      file.read('a'),
      refusal(ModelError, 'safetensors-shrank', { file: path, byte: kept }),
    );
  });
});

describe('SafetensorsFile.open', () => {
  for (const [what, bytes, code, facts] of damage) {
    it(`refuses ${what}`, async (t) => {
      const path = join(folder(t, { [FILE]: bytes }), FILE);
      await assert.rejects(SafetensorsFile.open(path), refusal(ModelError, code, { ...facts, file: path }));
    });
  }

  it('refuses a missing file or a folder and names it', async (t) => {
    const dir = folder(t);
    await assert.rejects(
      SafetensorsFile.open(join(dir, 'absent')),
      refusal(ModelError, 'file-unreadable', { file: join(dir, 'absent') }),
    );
    mkdirSync(join(dir, 'sub'));
    await assert.rejects(
      SafetensorsFile.open(join(dir, 'sub')),
      refusal(ModelError, 'safetensors-not-file', { file: join(dir, 'sub') }),
    );
  });

  it('refuses a file cut at any length and reads the whole file', async (t) => {
    const whole = float32File(
      new Map([
        ['a', { shape: [2, 2], values: Float32Array.of(1, 2, 3, 4) }],
        ['b', { shape: [1], values: Float32Array.of(5) }],
      ]),
    );
    const path = join(folder(t), FILE);
    for (let length = 0; length < whole.length; length++) {
      writeFileSync(path, whole.subarray(0, length));
      await assert.rejects(SafetensorsFile.open(path), ModelError, `cut to ${length} bytes`);
    }
    writeFileSync(path, whole);
    const file = await opened(t, path);
    assertSame(await file.read('a'), [1, 2, 3, 4], 'a');
    assertSame(await file.read('b'), [5], 'b');
  });

  it('refuses a changed header byte unless it changes only names or numbers', async (t) => {
    const whole = float32File(
      new Map([
        ['a', { shape: [2, 2], values: Float32Array.of(1, 2, 3, 4) }],
        ['b', { shape: [1], values: Float32Array.of(5) }],
      ]),
    );
    const headerEnd = whole.length - 20;
    const path = join(folder(t), FILE);
    await fc.assert(
      fc.asyncProperty(fc.nat(headerEnd - 1), fc.nat(255), async (place, value) => {
        const bytes = Uint8Array.from(whole);
        bytes[place] = value;
        writeFileSync(path, bytes);
        try {
          const file = await SafetensorsFile.open(path);
          const total = [...file.tensors.values()].reduce((sum, { begin, end }) => sum + end - begin, 0);
          await file.close();
          assert.equal(total, 20);
        } catch (error) {
          assert.ok(error instanceof ModelError, String(error));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('opens a file with eight million characters of metadata', async (t) => {
    const note = '\\"'.repeat(2 ** 21) + 'x'.repeat(2 ** 22);
    const path = join(folder(t, { [FILE]: safetensorsBytes({ __metadata__: { note } }) }), FILE);
    assert.equal((await opened(t, path)).metadata.get('note')?.length, note.length);
  });
});
