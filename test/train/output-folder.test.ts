import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { prepareOutputFolder } from '#attune/train/output-folder.js';
import { folder } from '../support/folder.js';

test('a new folder is made, with those above it', async (t) => {
  const dir = join(folder(t), 'a', 'b');
  await prepareOutputFolder(dir, 'new');
  assert.deepEqual(readdirSync(dir), []);
});

test('a folder that holds a run is refused, resumed or overwritten, and what is not of the run stays', async (t) => {
  const dir = folder(t, { 'trainer_state.json': '{}', 'model.safetensors': '', 'my notes.txt': 'mine' });
  mkdirSync(join(dir, 'checkpoint-7'));
  mkdirSync(join(dir, 'checkpoint-final'));
  await assert.rejects(prepareOutputFolder(dir, 'new'), /already holds a run \(checkpoint-7, .*\)/);
  await prepareOutputFolder(dir, 'resume');
  assert.ok(existsSync(join(dir, 'checkpoint-7')));
  await prepareOutputFolder(dir, 'overwrite');
  assert.deepEqual(readdirSync(dir).sort(), ['checkpoint-final', 'my notes.txt']);
});

test('what an interrupted write left is removed', async (t) => {
  const dir = folder(t, { '.config.json.123.partial': '', 'other.partial': 'not ours: it has no dot in front' });
  mkdirSync(join(dir, '.checkpoint-3.99.partial'));
  await prepareOutputFolder(dir, 'new');
  assert.deepEqual(readdirSync(dir), ['other.partial']);
});

test('a file in the folder’s place is an error that says so', async (t) => {
  const dir = folder(t, { taken: 'x' });
  await assert.rejects(prepareOutputFolder(join(dir, 'taken'), 'new'), /taken cannot be written: it is a file/);
  await assert.rejects(prepareOutputFolder(join(dir, 'taken', 'deeper'), 'new'), /cannot be written/);
});
