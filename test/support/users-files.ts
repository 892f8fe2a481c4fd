/** A folder full of what a user may have there, and what has become of it. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { CHECKPOINT_FILES, RUN_FILES } from '#attune/train/run-names.js';

/**
 * Files of a user's under names that attune knows: for a run, for a comparison, for the page of a static
 * host.
 */
export const KNOWN_NAMES: readonly string[] = [
  ...RUN_FILES,
  ...CHECKPOINT_FILES.map((name) => `checkpoint-7/${name}`),
  'broken-checkpoint-7/model.safetensors',
  'comparison.json',
  'report.html',
  'baselines/majority/estimator.json',
  'baselines/tfidf-logistic/arrays.safetensors',
  'index.html',
  'page.js',
  'demo.json',
  'sample/train.jsonl',
];

/** What is in nobody's way, and looks as if attune had left it. */
const HARMLESS = [
  '.partial/rsync',
  '.thesis.partial.docx',
  '.config.json.123.partial',
  '.checkpoint-7.99.partial/model.safetensors',
  '.checkpoint-8.99.partial.old/model.safetensors',
  '.attune.lock.partial',
  '.attune.lock.stale.partial',
  '.attune.lock.0c7a6c1e-3f0e-4d6c-9f53-7d1a5b0c9e11.partial',
  '.attune-0c7a6c1e-3f0e-4d6c-9f53-7d1a5b0c9e11/new/config.json',
  '.attune-0c7a6c1e-3f0e-4d6c-9f53-7d1a5b0c9e11.partial',
  '.attune-files.json.partial',
  'checkpoint-final/model.safetensors',
  'checkpoint-',
  'notes.txt',
  'data.csv',
  'deep/er/checkpoint-7/model.safetensors',
  'model.safetensors.partial',
] as const;

/** Whether this machine lets this process make a node of a device. */
const canMakeNodes = process.platform === 'linux' && process.getuid?.() === 0;

/**
 * Puts files of a user's into a folder: those in nobody's way, links, what is read-only, a device and a pipe,
 * and the given ones.
 */
export function putUsersFiles(dir: string, names: readonly string[] = []): void {
  for (const name of [...HARMLESS, ...names]) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), `mine: ${name}`);
  }
  mkdirSync(join(dir, 'empty'));
  writeFileSync(join(dir, 'read-only.txt'), 'mine', { mode: 0o444 });
  mkdirSync(join(dir, 'read-only'));
  writeFileSync(join(dir, 'read-only', 'file'), 'mine');
  if (process.platform === 'win32') return;
  symlinkSync('notes.txt', join(dir, 'link'));
  symlinkSync('nowhere', join(dir, 'link-to-nothing'));
  symlinkSync('deep', join(dir, 'link-to-folder'));
  spawnSync('mkfifo', [join(dir, 'pipe')]);
  if (canMakeNodes) spawnSync('mknod', [join(dir, 'device'), 'c', '1', '3']);
  chmodSync(join(dir, 'read-only'), 0o555);
}

/**
 * All that is in a folder: path -> kind, rights, contents or where it leads. What is `ignored` is left out,
 * with all in it.
 */
export function snapshot(
  dir: string,
  ignored: (path: string) => boolean = () => false,
  above = '',
): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(dir).sort()) {
    const path = above + name;
    if (ignored(path)) continue;
    const stats = lstatSync(join(dir, name));
    const rights = (stats.mode & 0o7777).toString(8);
    if (stats.isDirectory()) {
      found[`${path}/`] = `folder ${rights}`;
      Object.assign(found, snapshot(join(dir, name), ignored, `${path}/`));
    } else if (stats.isSymbolicLink()) found[path] = `link to ${readlinkSync(join(dir, name))}`;
    else if (stats.isFile()) found[path] = `file ${rights} ${readFileSync(join(dir, name), 'latin1')}`;
    else found[path] = `node ${stats.mode.toString(8)} ${stats.rdev}`;
  }
  return found;
}

/** A test's folders are removed by whoever has the right to. */
export function makeRemovable(dir: string): void {
  chmodSync(join(dir, 'read-only'), 0o755);
}
