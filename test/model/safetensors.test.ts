import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import { ModelError } from '#attune/errors/attune-error.js';
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

const eight = new Uint8Array(8);
const x = (changes: object = {}): object => ({ dtype: 'F32', shape: [2], data_offsets: [0, 8], ...changes });
const lengthOnly = (length: bigint): Uint8Array => new Uint8Array(BigUint64Array.of(length).buffer);
const damage: [string, Uint8Array, RegExp][] = [
  ['an empty file', new Uint8Array(0), /has 0 bytes/],
  ['a file of fewer than 8 bytes', new Uint8Array(7), /has 7 bytes/],
  [
    'a file that ends after the header length',
    lengthOnly(2n),
    /header would have 2 bytes, but the file has only 8/,
  ],
  ['a header length of 2^64 - 1', lengthOnly(2n ** 64n - 1n), /header would have 18446744073709551615 bytes/],
  [
    'a header length beyond the end of the file',
    Buffer.concat([lengthOnly(1000n), eight]),
    /header would have 1000 bytes, but the file has only 16/,
  ],
  [
    'a Git LFS pointer',
    Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n'),
    /Git LFS pointer/,
  ],
  ['a header of length 0', safetensorsBytes(''), /does not begin with {/],
  ['a header that begins with a space', safetensorsBytes(' {}'), /does not begin with {/],
  ['a header that is not JSON', safetensorsBytes('{"x": '), /header is not JSON/],
  [
    'a header that is not UTF-8',
    Buffer.concat([lengthOnly(4n), Buffer.from([0x7b, 0xff, 0x7d, 0x20])]),
    /header is not JSON/,
  ],
  [
    'a tensor name that occurs twice',
    safetensorsBytes(`{"x": ${JSON.stringify(x())}, "\\u0078": ${JSON.stringify(x())}}`, eight),
    /names "x" twice/,
  ],
  [
    'a field that occurs twice',
    safetensorsBytes('{"x": {"dtype": "F32", "shape": [2], "shape": [2], "data_offsets": [0, 8]}}', eight),
    /names "shape" twice/,
  ],
  [
    'a tensor that is not described by an object',
    safetensorsBytes({ x: 1 }, eight),
    /tensor x is not described by a JSON object/,
  ],
  [
    'metadata that is not an object',
    safetensorsBytes({ __metadata__: [] }),
    /__metadata__ is not a JSON object/,
  ],
  [
    'metadata values that are not strings',
    safetensorsBytes({ __metadata__: { format: 1 } }),
    /__metadata__: format is not a string/,
  ],
  ['an unknown dtype', safetensorsBytes({ x: x({ dtype: 'F31' }) }, eight), /tensor x has the dtype "F31"/],
  [
    'a tensor without a dtype',
    safetensorsBytes({ x: x({ dtype: undefined }) }, eight),
    /tensor x has the dtype undefined/,
  ],
  [
    'a dtype with the name of an object method',
    safetensorsBytes({ x: x({ dtype: 'constructor' }) }, eight),
    /tensor x has the dtype "constructor"/,
  ],
  [
    'a negative dimension',
    safetensorsBytes({ x: x({ shape: [-2] }) }, eight),
    /tensor x has the shape \[-2\]/,
  ],
  [
    'a fractional dimension',
    safetensorsBytes({ x: x({ shape: [0.5] }) }, eight),
    /tensor x has the shape \[0.5\]/,
  ],
  [
    'a tensor without a shape',
    safetensorsBytes({ x: x({ shape: null }) }, eight),
    /tensor x has the shape null/,
  ],
  [
    'a shape of more than 2^53 numbers',
    safetensorsBytes({ x: x({ shape: [2 ** 40, 2 ** 40] }) }, eight),
    /which no file can hold/,
  ],
  [
    'a tensor with three offsets',
    safetensorsBytes({ x: x({ data_offsets: [0, 4, 8] }) }, eight),
    /tensor x has the data_offsets/,
  ],
  [
    'offsets in the wrong order',
    safetensorsBytes({ x: x({ data_offsets: [8, 0] }) }, eight),
    /tensor x has the data_offsets/,
  ],
  [
    'more bytes than the shape needs',
    safetensorsBytes({ x: x({ shape: [1] }) }, eight),
    /tensor x has 8 bytes, but F32 \[1\] needs 4/,
  ],
  [
    'fewer bytes than the shape needs',
    safetensorsBytes({ x: x({ shape: [3] }) }, eight),
    /tensor x has 8 bytes, but F32 \[3\] needs 12/,
  ],
  [
    'a tensor beyond the end of the file',
    safetensorsBytes({ x: x({ shape: [4], data_offsets: [0, 16] }) }, eight),
    /tensor x ends at byte \d+, but the file has \d+ bytes/,
  ],
  [
    'overlapping tensors',
    safetensorsBytes({ x: x(), y: x({ shape: [1], data_offsets: [4, 8] }) }, eight),
    /tensors x and y overlap/,
  ],
  ['two tensors with the same bytes', safetensorsBytes({ x: x(), y: x() }, eight), /tensors x and y overlap/],
  [
    'a gap before the first tensor',
    safetensorsBytes({ x: x({ shape: [1], data_offsets: [4, 8] }) }, eight),
    /4 bytes between the header and tensor x/,
  ],
  [
    'a gap between two tensors',
    safetensorsBytes({ x: x(), y: x({ data_offsets: [12, 20] }) }, new Uint8Array(20)),
    /4 bytes between x and tensor y/,
  ],
  [
    'bytes after the last tensor',
    safetensorsBytes({ x: x() }, new Uint8Array(9)),
    /1 bytes after x belong to no tensor/,
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
    await assert.rejects(
      file.read('i64'),
      (error) => error instanceof ModelError && /tensor i64 is I64/.test(error.message),
    );
    await assert.rejects(
      file.read('absent'),
      (error) => error instanceof ModelError && /has no tensor absent/.test(error.message),
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
      (error) => error instanceof ModelError && error.message.includes(`ended at byte ${kept} while`),
    );
  });
});

describe('SafetensorsFile.open', () => {
  for (const [what, bytes, message] of damage) {
    it(`refuses ${what}`, async (t) => {
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

  it('refuses a missing file or a folder and names it', async (t) => {
    const dir = folder(t);
    await assert.rejects(
      SafetensorsFile.open(join(dir, 'absent')),
      (error) => error instanceof ModelError && error.message.includes(join(dir, 'absent')),
    );
    mkdirSync(join(dir, 'sub'));
    await assert.rejects(
      SafetensorsFile.open(join(dir, 'sub')),
      (error) => error instanceof ModelError && error.message.includes(join(dir, 'sub')),
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
