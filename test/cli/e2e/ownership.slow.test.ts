/**
 * Every command on a folder with files of the user, whether it is accepted or refused: whatever was there stays as
 * it was, byte for byte. The folder is the output or an input; one name that attune knows is in it at a time, or
 * all of them, as a file, a link or a pipe.
 *
 * Half of the cases, drawn anew each time; with CI=true a tenth of those.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { writeByteModel } from '../../support/byte-model.js';
import { runChild, shown } from '../../support/child.js';
import { NO_HUB } from '../../support/cli.js';
import { casesFrom, seedFrom } from '../../support/counts.js';
import { Random } from '../../support/random.js';
import { KNOWN_NAMES, makeRemovable, putUsersFiles, snapshot } from '../../support/users-files.js';
import { modelAndData } from '../../support/workspace.js';

const cwd = modelAndData(writeByteModel);

const LEARN = [
  '--model',
  'model',
  '--dataset',
  'data',
  '--max-steps',
  '2',
  '--threads',
  '1',
  '--save-steps',
  '1',
];
const COMMANDS: readonly (readonly string[])[] = [
  ['train', ...LEARN, '--output-dir', 'mine'],
  ['train', ...LEARN, '--output-dir', 'mine', '--overwrite-output-dir', '--save-total-limit', '1'],
  ['train', ...LEARN, '--output-dir', 'mine', '--resume-from-checkpoint'],
  [
    'train',
    ...LEARN,
    '--output-dir',
    'mine',
    '--resume-from-checkpoint',
    'run/checkpoint-1',
    '--save-total-limit',
    '1',
  ],
  ['train', ...LEARN, '--output-dir', 'mine', '--max-steps', '0'],
  ['train', ...LEARN, '--dataset', 'mine/data.csv', '--output-dir', 'mine', '--overwrite-output-dir'],
  ['train', '--model', 'mine', '--dataset', 'data', '--output-dir', 'mine', '--overwrite-output-dir'],
  ['compare', ...LEARN, '--output-dir', 'mine', '--overwrite-output-dir'],
  ['compare', '--finetuned', 'run', ...LEARN, '--output-dir', 'mine'],
  ['compare', '--finetuned', 'mine', ...LEARN],
  ['reproduce', 'run', '--output-dir', 'mine', '--overwrite-output-dir'],
  ['reproduce', 'mine'],
  ['report', 'mine'],
  ['serve', '--demo', '--model', 'model', '--out', 'mine'],
  ['predict', '--model', 'run', '--text', 'a fine day', '--output', 'mine/read-only.txt'],
  ['predict', '--model', 'run', '--input', 'mine/notes.txt', '--output', 'mine/link'],
  ['predict', '--model', 'run', '--text', 'a fine day', '--output', 'mine/empty'],
  ['predict', '--model', 'mine', '--text', 'a fine day'],
  ['evaluate', '--model', 'mine', '--dataset', 'data'],
  ['evaluate', '--model', 'run', '--dataset', 'mine'],
  ['inspect', '--model', 'model', '--dataset', 'mine'],
  ['cache', 'prune', '--yes', '--incomplete'],
  ['doctor'],
  ['demo', '--output-dir', 'mine'],
];

/** What is in the folder, beside files that are never in the way. */
interface Scene {
  readonly name: string;
  readonly put: (dir: string) => void;
}

const file = (name: string): Scene => ({
  name,
  put: (dir) => {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), `mine: ${name}`);
  },
});
const SCENES: readonly Scene[] = [
  { name: 'nothing', put: () => undefined },
  {
    name: 'every name that attune knows',
    put: (dir) => void KNOWN_NAMES.forEach((name) => file(name).put(dir)),
  },
  ...[
    'attune.json',
    'config.json',
    'vocab.json',
    'tokenizer.json',
    'model.safetensors',
    'trainer_state.json',
    'checkpoint-1/letter.txt',
    'checkpoint-2',
    'comparison.json',
    'report.html',
    'baselines/majority/estimator.json',
  ].map(file),
  ...['baselines', 'demo.json', '.attune.lock', '.attune-files.json', '.attune-files.json/file'].map(file),
  ...[
    'attune.json',
    'checkpoint-2',
    'comparison.json',
    'report.html',
    'runs',
    '.attune.lock',
    '.attune-files.json',
  ].map((name): Scene => ({
    name: `a link ${name}`,
    put: (dir) => symlinkSync('notes.txt', join(dir, name)),
  })),
  ...[
    'attune.json',
    '.attune.lock',
    '.attune-files.json',
    'comparison.json',
    'report.html',
    'checkpoint-2',
  ].map((name): Scene => ({
    name: `a pipe ${name}`,
    put: (dir) => void spawnSync('mkfifo', [join(dir, name)]),
  })),
];

/** Whether it trains for minutes because nothing is in its way. */
const isLong = (words: readonly string[], scene: Scene): boolean =>
  words[0] === 'demo' && !/every|^(attune|config|trainer|checkpoint|comparison)/.test(scene.name);

/** Whether it reads a pipe in the folder, and waits until somebody writes to it. */
const waits = (words: readonly string[], scene: Scene): boolean =>
  scene.name.startsWith('a pipe') &&
  /^(report|reproduce|compare --finetuned|predict --model|evaluate --model) mine/.test(words.join(' '));

describe('every command', () => {
  it(
    'leaves the files of the user as they were',
    { timeout: 1_800_000, skip: process.platform === 'win32' && 'links and pipes are made in another way' },
    async (t) => {
      const seed = seedFrom();
      const random = new Random(seed);
      const env = { ...NO_HUB, HF_HUB_CACHE: join(cwd, 'hub') };
      const trained = await runChild(['train', ...LEARN, '--output-dir', 'run'], { cwd, env });
      assert.equal(trained.code, 0, shown(trained));
      const cases = SCENES.flatMap((scene) =>
        COMMANDS.filter((words) => !isLong(words, scene) && !waits(words, scene)).map((words) => ({
          scene,
          words,
        })),
      );
      const count = Math.min(cases.length, casesFrom('ATTUNE_OWNERSHIP_CASES', Math.ceil(cases.length / 2)));
      const ends: Record<string, number> = {};
      for (let done = 0; done < count; done++) {
        const [{ scene, words }] = cases.splice(random.integer(0, cases.length - 1), 1);
        const dir = join(cwd, 'mine');
        mkdirSync(dir);
        putUsersFiles(dir);
        scene.put(dir);
        const [before, around] = [snapshot(dir), snapshot(cwd, (path) => path === 'mine')];
        const end = await runChild(words, { cwd, env });
        const where = `${words.join(' ')}; in the folder: ${scene.name}; seed ${seed}: ${shown(end)}`;
        assert.ok(!end.hung, where);
        assert.ok(end.code === 0 || end.code === 1 || end.code === 2, where);
        assert.doesNotMatch(end.stderr, /defect of attune|Unhandled/, where);
        const after = snapshot(dir);
        for (const [path, what] of Object.entries(before))
          assert.equal(after[path], what, `${path}: ${where}`);
        const added = Object.keys(after).filter((path) => !(path in before));
        if (end.code !== 0)
          assert.deepEqual(
            added.filter((path) => /^\.attune(?!-files\.json$)|partial/.test(path)),
            [],
            where,
          );
        if (end.code === 2) assert.deepEqual(added, [], where);
        assert.deepEqual(
          snapshot(cwd, (path) => /^(mine|mine-reproduced)$/.test(path)),
          around,
          where,
        );
        ends[String(end.code)] = (ends[String(end.code)] ?? 0) + 1;
        makeRemovable(dir);
        for (const made of ['mine', 'mine-reproduced'])
          if (existsSync(join(cwd, made))) rmSync(join(cwd, made), { recursive: true });
      }
      t.diagnostic(
        `seed ${seed}: ${count} of ${count + cases.length} cases; ended with ${Object.entries(ends)
          .map(([code, n]) => `${code}: ${n}`)
          .join(', ')}`,
      );
      assert.ok((ends['2'] ?? 0) > 0);
    },
  );
});

describe('attune train --overwrite-output-dir', () => {
  it('replaces a copied run, and keeps a file that the user has added', async () => {
    cpSync(join(cwd, 'run'), join(cwd, 'copied'), { recursive: true });
    writeFileSync(join(cwd, 'copied', 'letter.txt'), 'dear');
    const replaced = await runChild(['train', ...LEARN, '--output-dir', 'copied', '--overwrite-output-dir'], {
      cwd,
      env: NO_HUB,
    });
    assert.equal(replaced.code, 0, shown(replaced));
    assert.equal(readFileSync(join(cwd, 'copied', 'letter.txt'), 'utf8'), 'dear');
  });
});
