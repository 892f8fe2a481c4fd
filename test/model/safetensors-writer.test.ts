import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { AttuneError } from '#attune/errors/attune-error.js';
import { elementCount } from '#attune/model/parameters.js';
import { SafetensorsFile } from '#attune/model/safetensors.js';
import { writeSafetensors } from '#attune/model/safetensors-writer.js';
import { fixturePath } from '../support/fixtures.js';
import { folder } from '../support/folder.js';
import { refusal } from '../support/refusal.js';

describe('writeSafetensors', () => {
  it('writes the same bytes as the safetensors library', async (t) => {
    const golden = fixturePath('model/saved-f32/model.safetensors');
    const file = await SafetensorsFile.open(golden);
    t.after(() => file.close());
    const dir = folder(t);
    const path = join(dir, 'model.safetensors');
    const asked: string[] = [];
    // Given in reverse: the order of the file does not depend on ours.
    const specs = [...file.tensors].map(([name, { shape }]) => ({ name, shape })).reverse();
    await writeSafetensors(path, specs, (name) => {
      asked.push(name);
      return file.read(name);
    });
    assert.deepEqual(readFileSync(path), readFileSync(golden));
    assert.deepEqual(
      asked,
      [...file.tensors.keys()],
      'each tensor is asked for once, in the order of the file',
    );
    assert.deepEqual(readdirSync(dir), ['model.safetensors'], 'nothing else is left');
  });

  it('writes tensors that read back bit for bit', async (t) => {
    const path = join(folder(t), 'x.safetensors');
    const shape = fc.array(fc.nat(4), { maxLength: 3 });
    const tensor = shape.chain((lengths) =>
      fc.record({
        shape: fc.constant(lengths),
        values: fc.float32Array({ minLength: elementCount(lengths), maxLength: elementCount(lengths) }),
      }),
    );
    // Any name but one, which means something else; also names that JavaScript would list first, or that differ
    // only beyond UTF-16's first plane.
    const name = fc
      .oneof(fc.string(), fc.constantFrom('10', '9', '\uff01', '\u{1f600}', '__proto__'))
      .filter((text) => text !== '__metadata__');
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.tuple(name, tensor), { selector: ([key]) => key, maxLength: 5 }),
        async (entries) => {
          const tensors = new Map(entries);
          await writeSafetensors(
            path,
            entries.map(([key, { shape: lengths }]) => ({ name: key, shape: lengths })),
            (key) => tensors.get(key)!.values,
            { format: 'pt', who: 'tést' },
          );
          const file = await SafetensorsFile.open(path);
          try {
            assert.deepEqual(new Set(file.tensors.keys()), new Set(tensors.keys()));
            assert.deepEqual(Object.fromEntries(file.metadata), { format: 'pt', who: 'tést' });
            for (const [key, { shape: lengths, values }] of tensors) {
              assert.deepEqual(file.tensors.get(key)?.shape, lengths);
              assert.deepEqual(
                new Uint8Array((await file.read(key)).buffer),
                new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
              );
            }
            assert.equal(
              (readFileSync(path).readUInt32LE(0) + 8) % 8,
              0,
              'the data begin at a multiple of 8',
            );
          } finally {
            await file.close();
          }
        },
      ),
    );
  });

  it('keeps the old file and leaves nothing else if writing fails halfway', async (t) => {
    const dir = folder(t, { 'model.safetensors': 'the old file' });
    const path = join(dir, 'model.safetensors');
    const specs = [
      { name: 'a', shape: [2] },
      { name: 'b', shape: [2] },
    ];
    const failing = writeSafetensors(path, specs, (name) => {
      if (name === 'b') throw new Error('no b');
      return new Float32Array(2);
    });
    await assert.rejects(failing, /no b/);
    await assert.rejects(
      writeSafetensors(path, specs, () => new Float32Array(3)),
      /tensor a has 3 numbers, but its shape is \[2\]/,
    );
    assert.equal(readFileSync(path, 'utf8'), 'the old file');
    assert.deepEqual(readdirSync(dir), ['model.safetensors']);
  });

  it('gives the file its final name only when it is complete', async (t) => {
    const dir = folder(t);
    const path = join(dir, 'model.safetensors');
    let during: string[] = [];
    await writeSafetensors(path, [{ name: 'a', shape: [1] }], () => {
      during = readdirSync(dir);
      return new Float32Array(1);
    });
    assert.equal(during.length, 1);
    assert.match(during[0], /\.partial$/);
    assert.deepEqual(readdirSync(dir), ['model.safetensors']);
  });

  it('reports the path that cannot be written', async (t) => {
    const dir = folder(t);
    const write = (path: string): Promise<string> =>
      writeSafetensors(path, [{ name: 'a', shape: [1] }], () => new Float32Array(1));
    const absent = join(dir, 'absent', 'model.safetensors');
    await assert.rejects(write(absent), refusal(AttuneError, 'file-unwritable', { path: absent }));
    // A folder that is not empty stands where the file should go: the rename itself fails.
    mkdirSync(join(dir, 'taken'));
    writeFileSync(join(dir, 'taken', 'file'), '');
    await assert.rejects(
      write(join(dir, 'taken')),
      refusal(AttuneError, 'file-unwritable', { path: join(dir, 'taken') }),
    );
    assert.deepEqual(readdirSync(dir), ['taken']);
  });
});
