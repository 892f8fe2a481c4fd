/** Texts of any length through the real command line. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { attune, jsonLines, writeTinyModel } from '../../support/cli.js';
import { workspace } from '../../support/workspace.js';

const cwd = workspace((dir) => writeTinyModel(join(dir, 'run'), {}, true));

test('texts of a megabyte on one line are classified, from a file, from stdin and with an explanation', async () => {
  const million = 2 ** 20;
  const texts = ['🙂', 'a', ' ', '0123456789', '漢字', 'مرحبا', '\0', 'e\u0301', 'unbelievably', 'a fine day. '].map((piece) => piece.repeat(Math.ceil(million / piece.length)));
  writeFileSync(join(cwd, 'megabytes.jsonl'), texts.map((text) => `${JSON.stringify({ text })}\n`).join(''));
  const file = await attune(['predict', '--model', 'run', '--input', 'megabytes.jsonl', '--output', 'megabytes.out'], { cwd });
  assert.equal(file.code, 0, file.stderr);
  const lines = readFileSync(join(cwd, 'megabytes.out'), 'utf8');
  assert.deepEqual(jsonLines(lines).map(({ text }) => text === undefined ? 0 : (text as string).length), texts.map(({ length }) => length));
  const stdin = await attune(['predict', '--model', 'run', '--input', '-'], { cwd, input: readFileSync(join(cwd, 'megabytes.jsonl'), 'utf8') });
  assert.equal(stdin.code, 0, stdin.stderr);
  assert.ok(stdin.stdout === lines);
  const explained = await attune(['predict', '--model', 'run', '--input', 'megabytes.jsonl', '--explain'], { cwd });
  assert.equal(explained.code, 0, explained.stderr);
  assert.deepEqual(jsonLines(explained.stdout).map(({ score }) => score), jsonLines(lines).map(({ score }) => score));
});
