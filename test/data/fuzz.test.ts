/** Damaged files of each kind; fuzz.slow.test.ts reads thousands, and measures memory. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { folder } from '../support/folder.js';
import { FUZZ_KINDS, fuzzCase } from '../support/fuzz.js';

const CASES = 150;

describe('readRows and SafetensorsFile', () => {
  for (const kind of FUZZ_KINDS) {
    it(`read damaged ${kind} files or refuse them with an error that names the file`, async (t) => {
      const dir = folder(t);
      let refused = 0;
      for (let i = 0; i < CASES; i++) if (await fuzzCase(kind, 1, i, dir)) refused++;
      assert.ok(refused > CASES / 10, `${refused} of ${CASES} were refused`);
    });
  }
});
