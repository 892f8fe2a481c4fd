/** Blocks of whole lines of UTF-8 text, and the chunks of a file that they are made of. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DataError } from '#attune/errors/attune-error.js';
import { fileChunks, textBlocks } from '#attune/data/text-blocks.js';
import { folder } from '../support/folder.js';
import { refusal } from '../support/refusal.js';

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

describe('textBlocks', () => {
  it('gives blocks of whole lines with their numbers, however the stream is cut into chunks', async () => {
    const lines = fc.array(
      fc.string({ unit: 'binary', maxLength: 6 }).map((line) => line.replaceAll('\n', '¶')),
      { minLength: 1, maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(lines, fc.integer({ min: 1, max: 9 }), fc.boolean(), async (content, size, mark) => {
        const text = content.join('\n');
        const bytes = Buffer.from((mark ? '\ufeff' : '') + text);
        fc.pre(mark || !text.startsWith('\ufeff'));
        const found: string[] = [];
        for await (const block of textBlocks(inChunks(bytes, size), 'x')) {
          const part = block.bytes.toString('utf8');
          assert.equal(block.line, found.length + 1);
          found.push(...(part.endsWith('\n') ? part.slice(0, -1) : part).split('\n'));
        }
        // An empty last line does not count as a line.
        assert.deepEqual(found.join('\n'), text.endsWith('\n') ? text.slice(0, -1) : text);
      }),
      { seed: 1 },
    );
  });

  it('refuses bytes that are not UTF-8 and reports the line, wherever the stream is cut', async () => {
    const bad = Buffer.concat([
      Buffer.from('eins\nzwei é\n\n'),
      Buffer.of(0x64, 0xe9, 0x6a),
      Buffer.from('\nfünf\n'),
    ]);
    for (let size = 1; size <= bad.length; size++) {
      await assert.rejects(
        async () => {
          for await (const block of textBlocks(inChunks(bad, size), 'file.txt')) assert.ok(block);
        },
        refusal(DataError, 'data-file-not-utf8', { file: 'file.txt', line: 4, utf16: false }),
      );
    }
    const halfCharacter = Buffer.from('é').subarray(0, 1);
    await assert.rejects(
      textBlocks(inChunks(halfCharacter, 1), 'f').next(),
      refusal(DataError, 'data-file-not-utf8', { file: 'f', line: 1 }),
    );
  });

  it('recognizes UTF-16', async () => {
    const bytes = Buffer.concat([Buffer.of(0xff, 0xfe), Buffer.from('{"text": "a"}\n', 'utf16le')]);
    await assert.rejects(
      textBlocks(inChunks(bytes, 100), 'f').next(),
      refusal(DataError, 'data-file-not-utf8', { file: 'f', line: 1, utf16: true }),
    );
  });
});

describe('fileChunks', () => {
  it('refuses a file that does not exist and a folder', async (t) => {
    const dir = folder(t);
    const file = `${dir}/none.jsonl`;
    await assert.rejects(fileChunks(file).next(), refusal(DataError, 'data-file-missing', { file }));
    await assert.rejects(fileChunks(dir).next(), refusal(DataError, 'data-file-is-folder', { file: dir }));
  });
});
