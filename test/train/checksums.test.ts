import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ModelError } from '#attune/errors/attune-error.js';
import { CHECKSUMS_FILE, verifyChecksums, writeChecksums } from '#attune/train/checksums.js';
import { folder } from '../support/folder.js';
import { refusal } from '../support/refusal.js';

describe('writeChecksums', () => {
  it('lists every file, even one named like a property of every object', async (t) => {
    const contents = new Map([
      ['__proto__', 'bc'],
      ['constructor', 'a'],
      ['weights', 'def'],
    ]);
    const dir = folder(t, Object.fromEntries(contents));
    await writeChecksums(dir);
    const sum = (text: string): object => ({
      bytes: text.length,
      sha256: createHash('sha256').update(text).digest('hex'),
    });
    const { files: listed } = JSON.parse(readFileSync(join(dir, CHECKSUMS_FILE), 'utf8')) as {
      files: object;
    };
    assert.deepEqual(
      Object.entries(listed),
      [...contents].map(([name, text]) => [name, sum(text)]),
    );
    await verifyChecksums(dir, ['constructor', '__proto__']);
    writeFileSync(join(dir, '__proto__'), 'xy');
    await assert.rejects(
      verifyChecksums(dir, []),
      refusal(ModelError, 'checkpoint-file-changed', { file: join(dir, '__proto__') }),
    );
    await assert.rejects(
      verifyChecksums(dir, ['absent']),
      refusal(ModelError, 'checksums-incomplete', { file: join(dir, CHECKSUMS_FILE), missing: 'absent' }),
    );
  });

  it('uses the hashes that it is given', async (t) => {
    const dir = folder(t, { weights: 'def' });
    await writeChecksums(dir, { weights: 'known' });
    assert.match(readFileSync(join(dir, CHECKSUMS_FILE), 'utf8'), /"sha256": "known"/);
  });
});
