import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockOutputFolder, prepareOutputFolder } from '#attune/train/output-folder.js';
import { folder } from '../support/folder.js';

/** Prepares a folder as a run does, and gives its lock back. */
async function prepare(dir: string, mode: 'new' | 'overwrite' | 'resume'): Promise<void> {
  const lock = await lockOutputFolder(dir);
  try {
    await prepareOutputFolder(dir, mode, lock);
  } finally {
    await lock.release();
  }
}

test('a new folder is made, with those above it', async (t) => {
  const dir = join(folder(t), 'a', 'b');
  await prepare(dir, 'new');
  assert.deepEqual(readdirSync(dir), []);
});

test('a folder that holds a run is refused, resumed or overwritten, and what is not of the run stays', async (t) => {
  const dir = folder(t, { 'trainer_state.json': '{}', 'model.safetensors': '', 'my notes.txt': 'mine' });
  mkdirSync(join(dir, 'checkpoint-7'));
  mkdirSync(join(dir, 'checkpoint-final'));
  await assert.rejects(prepare(dir, 'new'), /already holds a run \(checkpoint-7, .*\)/);
  await prepare(dir, 'resume');
  assert.ok(existsSync(join(dir, 'checkpoint-7')));
  mkdirSync(join(dir, 'broken-checkpoint-9'));
  writeFileSync(join(dir, 'attune.json'), '{}');
  await prepare(dir, 'overwrite');
  assert.deepEqual(readdirSync(dir).sort(), ['checkpoint-final', 'my notes.txt']);
});

test('what an interrupted write left is removed', async (t) => {
  const dir = folder(t, { '.config.json.123.partial': '', 'other.partial': 'not ours: it has no dot in front' });
  mkdirSync(join(dir, '.checkpoint-3.99.partial'));
  mkdirSync(join(dir, '.checkpoint-3.99.partial.old'));
  mkdirSync(join(dir, 'checkpoint-3'));
  await prepare(dir, 'resume');
  assert.deepEqual(readdirSync(dir), ['checkpoint-3', 'other.partial']);
});

test('a checkpoint that was being replaced when the process died, between its two renames, is back', async (t) => {
  const dir = folder(t);
  mkdirSync(join(dir, '.checkpoint-3.99.partial'));
  mkdirSync(join(dir, '.checkpoint-3.99.partial.old', 'whole'), { recursive: true });
  await prepare(dir, 'resume');
  assert.deepEqual(readdirSync(dir), ['checkpoint-3']);
  assert.deepEqual(readdirSync(join(dir, 'checkpoint-3')), ['whole']);
});

test('a file in the folder’s place is an error that says so', async (t) => {
  const dir = folder(t, { taken: 'x' });
  await assert.rejects(prepare(join(dir, 'taken'), 'new'), /taken cannot be written: it is a file/);
  await assert.rejects(prepare(join(dir, 'taken', 'deeper'), 'new'), /cannot be written/);
});
