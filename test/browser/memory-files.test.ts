import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { MemoryDisk, MemoryFile } from '#attune/browser/memory-files.js';

describe('MemoryFile', () => {
  it('reads appended bytes back from any position', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 8 }),
        fc.nat(100),
        fc.nat(50),
        (pieces, position, length) => {
          const file = new MemoryFile();
          for (const piece of pieces) file.append(piece);
          const whole = Uint8Array.from(pieces.flatMap((piece) => [...piece]));
          assert.equal(file.size, whole.length);
          const target = new Uint8Array(length);
          const expected = whole.subarray(position, position + length);
          assert.equal(file.read(target, position), expected.length);
          assert.deepEqual(target.subarray(0, expected.length), expected);
          assert.deepEqual(file.all(), whole);
        },
      ),
    );
  });
});

describe('MemoryDisk', () => {
  it('moves a folder with its contents onto an empty folder', () => {
    const disk = new MemoryDisk();
    assert.equal(disk.makeFolder('/a/b', true), '/a');
    disk.create('/a/b/file', 'open').append(Uint8Array.of(1));
    disk.makeFolder('/ab', false);
    disk.rename('/a', '/ab');
    assert.deepEqual(disk.list('/'), ['ab']);
    assert.equal(disk.file('/ab/b/file', 'open').size, 1);
  });

  it('refuses missing paths, a move onto a full folder and the removal of a folder', () => {
    const disk = new MemoryDisk();
    disk.makeFolder('/ab/b', true);
    disk.create('/ab/b/file', 'open');
    disk.makeFolder('/c', false);
    assert.throws(() => disk.rename('/c', '/ab'), { code: 'ENOTEMPTY' });
    assert.throws(() => disk.rename('/none', '/d'), { code: 'ENOENT' });
    assert.throws(() => disk.create('/none/file', 'open'), { code: 'ENOENT' });
    assert.throws(() => disk.remove('/ab'), { code: 'EISDIR' });
  });

  it('removes a folder with its contents if recursive', () => {
    const disk = new MemoryDisk();
    disk.makeFolder('/ab/b', true);
    disk.create('/ab/b/file', 'open');
    disk.makeFolder('/c', false);
    disk.remove('/ab', { recursive: true });
    assert.deepEqual(disk.list('/'), ['c']);
  });
});
