import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import { ModelError } from '#attune/errors.js';
import { SafetensorsFile } from '#attune/model/safetensors.js';
import { fixtureJson, fixturePath } from '../support/fixtures.js';
import { folder } from '../support/folder.js';
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

test('every floating-point format is read as float32, as PyTorch converts it', async (t) => {
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

test('all 65,536 halves are converted as numpy converts them', async (t) => {
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

test('a tensor of many chunks is read whole', async (t) => {
  // Chunks of 4 MiB; two bytes a number.
  const count = 5 * 2 ** 20 + 3;
  const halves = Uint16Array.from({ length: count }, (_, i) => (i * 7) % 0x3f80);
  const header = { x: { dtype: 'BF16', shape: [count], data_offsets: [0, 2 * count] } };
  const path = join(folder(t, { [FILE]: safetensorsBytes(header, new Uint8Array(halves.buffer)) }), FILE);
  const values = await (await opened(t, path)).read('x');
  const bits = new Uint32Array(values.buffer);
  assert.ok(bits.every((bit, i) => bit === halves[i] * 65536));
});

test('an integer tensor is listed but not read', async (t) => {
  const file = await opened(t, fixturePath('model/dtypes.safetensors'));
  assert.equal(file.tensors.get('i64')?.dtype, 'I64');
  await assert.rejects(
    file.read('i64'),
    (error) => error instanceof ModelError && /tensor i64 is I64/.test(error.message),
  );
  await assert.rejects(
    file.read('absent'),
    (error) => error instanceof ModelError && /has no tensor absent/.test(error.message),
  );
});

const eight = new Uint8Array(8);
const x = (changes: object = {}): object => ({ dtype: 'F32', shape: [2], data_offsets: [0, 8], ...changes });
const lengthOnly = (length: bigint): Uint8Array => new Uint8Array(BigUint64Array.of(length).buffer);
const damage: [string, Uint8Array, RegExp][] = [
  ['an empty file', new Uint8Array(0), /has 0 bytes/],
  ['fewer than 8 bytes', new Uint8Array(7), /has 7 bytes/],
  ['nothing but a length', lengthOnly(2n), /header would have 2 bytes, but the file has only 8/],
  ['a length past all bounds', lengthOnly(2n ** 64n - 1n), /header would have 18446744073709551615 bytes/],
  [
    'a length past the end',
    Buffer.concat([lengthOnly(1000n), eight]),
    /header would have 1000 bytes, but the file has only 16/,
  ],
  [
    'a pointer of Git LFS',
    Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n'),
    /Git LFS pointer/,
  ],
  ['a header of length 0', safetensorsBytes(''), /does not begin with {/],
  ['a header that begins with a space', safetensorsBytes(' {}'), /does not begin with {/],
  ['a header that is no JSON', safetensorsBytes('{"x": '), /header is not JSON/],
  [
    'a header that is not UTF-8',
    Buffer.concat([lengthOnly(4n), Buffer.from([0x7b, 0xff, 0x7d, 0x20])]),
    /header is not JSON/,
  ],
  [
    'a name twice',
    safetensorsBytes(`{"x": ${JSON.stringify(x())}, "\\u0078": ${JSON.stringify(x())}}`, eight),
    /names "x" twice/,
  ],
  [
    'a field twice',
    safetensorsBytes('{"x": {"dtype": "F32", "shape": [2], "shape": [2], "data_offsets": [0, 8]}}', eight),
    /names "shape" twice/,
  ],
  [
    'a tensor that is no object',
    safetensorsBytes({ x: 1 }, eight),
    /tensor x is not described by a JSON object/,
  ],
  ['metadata that is no object', safetensorsBytes({ __metadata__: [] }), /__metadata__ is not a JSON object/],
  [
    'metadata other than strings',
    safetensorsBytes({ __metadata__: { format: 1 } }),
    /__metadata__: format is not a string/,
  ],
  ['an unknown dtype', safetensorsBytes({ x: x({ dtype: 'F31' }) }, eight), /tensor x has the dtype "F31"/],
  ['no dtype', safetensorsBytes({ x: x({ dtype: undefined }) }, eight), /tensor x has the dtype undefined/],
  [
    'a dtype named like a method',
    safetensorsBytes({ x: x({ dtype: 'constructor' }) }, eight),
    /tensor x has the dtype "constructor"/,
  ],
  ['a negative length', safetensorsBytes({ x: x({ shape: [-2] }) }, eight), /tensor x has the shape \[-2\]/],
  ['a broken length', safetensorsBytes({ x: x({ shape: [0.5] }) }, eight), /tensor x has the shape \[0.5\]/],
  ['no shape', safetensorsBytes({ x: x({ shape: null }) }, eight), /tensor x has the shape null/],
  [
    'a product of lengths past 2^53',
    safetensorsBytes({ x: x({ shape: [2 ** 40, 2 ** 40] }) }, eight),
    /which no file can hold/,
  ],
  [
    'three offsets',
    safetensorsBytes({ x: x({ data_offsets: [0, 4, 8] }) }, eight),
    /tensor x has the data_offsets/,
  ],
  [
    'offsets in the wrong order',
    safetensorsBytes({ x: x({ data_offsets: [8, 0] }) }, eight),
    /tensor x has the data_offsets/,
  ],
  [
    'more bytes than the shape',
    safetensorsBytes({ x: x({ shape: [1] }) }, eight),
    /tensor x has 8 bytes, but F32 \[1\] needs 4/,
  ],
  [
    'fewer bytes than the shape',
    safetensorsBytes({ x: x({ shape: [3] }) }, eight),
    /tensor x has 8 bytes, but F32 \[3\] needs 12/,
  ],
  [
    'a tensor past the end',
    safetensorsBytes({ x: x({ shape: [4], data_offsets: [0, 16] }) }, eight),
    /tensor x ends at byte \d+, but the file has \d+ bytes/,
  ],
  [
    'overlapping tensors',
    safetensorsBytes({ x: x(), y: x({ shape: [1], data_offsets: [4, 8] }) }, eight),
    /tensors x and y overlap/,
  ],
  ['a tensor twice', safetensorsBytes({ x: x(), y: x() }, eight), /tensors x and y overlap/],
  [
    'a hole at the beginning',
    safetensorsBytes({ x: x({ shape: [1], data_offsets: [4, 8] }) }, eight),
    /4 bytes between the header and tensor x/,
  ],
  [
    'a hole',
    safetensorsBytes({ x: x(), y: x({ data_offsets: [12, 20] }) }, new Uint8Array(20)),
    /4 bytes between x and tensor y/,
  ],
  [
    'bytes after the last tensor',
    safetensorsBytes({ x: x() }, new Uint8Array(9)),
    /1 bytes after x belong to no tensor/,
  ],
];
for (const [what, bytes, message] of damage) {
  test(`refused: ${what}`, async (t) => {
    const path = join(folder(t, { [FILE]: bytes }), FILE);
    await assert.rejects(SafetensorsFile.open(path), (error) => {
      assert.ok(error instanceof ModelError, String(error));
      assert.match(error.message, message);
      assert.ok(error.message.includes(path), 'names the file');
      assert.ok(error.hint, 'says what to do');
      return true;
    });
  });
}

test('a file that is missing or a folder is refused by name', async (t) => {
  const dir = folder(t);
  await assert.rejects(
    SafetensorsFile.open(join(dir, 'absent')),
    (error) => error instanceof ModelError && error.message.includes('absent'),
  );
  mkdirSync(join(dir, 'sub'));
  await assert.rejects(
    SafetensorsFile.open(join(dir, 'sub')),
    (error) => error instanceof ModelError && error.message.includes('sub'),
  );
});

test('a sound file is refused however it is cut short, and read as long as it is whole', async (t) => {
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

test('a changed byte in the header is refused with a readable error, or changes only names and numbers', async (t) => {
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

test('a file that shrinks after it was opened is refused when the tensor is read', async (t) => {
  const bytes = float32File(new Map([['a', { shape: [4], values: new Float32Array(4) }]]));
  const path = join(folder(t, { [FILE]: bytes }), FILE);
  const file = await opened(t, path);
  const kept = bytes.length - 3;
  truncateSync(path, kept);
  await assert.rejects(
    file.read('a'),
    (error) => error instanceof ModelError && error.message.includes(`ended at byte ${kept} while`),
  );
});

test('a long string in the metadata does not overwhelm the search for names that occur twice', async (t) => {
  const note = '\\"'.repeat(2 ** 21) + 'x'.repeat(2 ** 22);
  const path = join(folder(t, { [FILE]: safetensorsBytes({ __metadata__: { note } }) }), FILE);
  assert.equal((await opened(t, path)).metadata.get('note')?.length, note.length);
});
