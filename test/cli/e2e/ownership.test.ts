/**
 * Files of the user stay as they are: output folders full of them, and inputs that are outputs.
 * ownership.slow.test.ts has all commands, predict-output.slow.test.ts results that go through links and pipes.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { writeByteModel } from '../../support/byte-model.js';
import { attune } from '../../support/cli.js';
import type { CliResult } from '../../support/cli.js';
import { printed, printedWithHint } from '../../support/refusal.js';
import { KNOWN_NAMES, makeRemovable, putUsersFiles, snapshot } from '../../support/users-files.js';
import { modelAndData } from '../../support/workspace.js';
import { FINISHED_RUN } from '../../support/folder-contents.js';

const cwd = modelAndData(writeByteModel);
const at = (...path: string[]): string => join(cwd, ...path);
const LEARN = ['--model', 'model', '--dataset', 'data', '--max-steps', '2', '--threads', '1'];
const train = (...more: string[]): Promise<CliResult> => attune(['train', ...LEARN, ...more], { cwd });
const noLinks = process.platform === 'win32' && 'links and pipes are made in another way';

async function accepted(result: Promise<CliResult>): Promise<CliResult> {
  const ended = await result;
  assert.equal(ended.code, 0, ended.stderr);
  return ended;
}

async function refused(result: Promise<CliResult>, expected: string): Promise<void> {
  const { code, stdout, stderr } = await result;
  assert.equal(code, 2, stderr);
  assert.ok(stderr.includes(`${expected}\n`), `${stderr}\nexpected:\n${expected}`);
  assert.equal(stdout, '');
}

describe('an output folder full of a user’s files', () => {
  it('is refused if they are in the way, and stays as it is', async (t) => {
    const dir = at('full');
    mkdirSync(dir);
    putUsersFiles(dir, KNOWN_NAMES);
    t.after(() => makeRemovable(dir));
    const before = snapshot(dir);
    const inTheWay = (...foreign: string[]): string =>
      printed('output-dir-holds-foreign', { dir: 'full', foreign, resuming: false });
    const inWayOfRun = inTheWay('attune.json', 'config.json', 'model.safetensors', '…');
    await refused(train('--output-dir', 'full'), inWayOfRun);
    await refused(train('--output-dir', 'full', '--overwrite-output-dir'), inWayOfRun);
    const left = '.attune-0c7a6c1e-3f0e-4d6c-9f53-7d1a5b0c9e11';
    // Of the folder of a page everything is attune's.
    await refused(
      attune(['serve', '--demo', '--model', 'model', '--out', 'full'], { cwd }),
      inTheWay(`${left}/new/config.json`, `${left}.partial`, '.attune-files.json.partial', '…'),
    );
    await refused(attune(['demo', '--output-dir', 'full'], { cwd }), inWayOfRun);
    assert.deepEqual(snapshot(dir), before);
  });

  it('takes a run beside files that are not in the way, and keeps them', async (t) => {
    const dir = at('mixed');
    mkdirSync(dir);
    putUsersFiles(dir);
    t.after(() => makeRemovable(dir));
    const before = snapshot(dir);
    await accepted(train('--output-dir', 'mixed', '--save-steps', '1', '--save-total-limit', '1'));
    await accepted(attune(['report', 'mixed'], { cwd }));
    await refused(
      train('--output-dir', 'mixed'),
      printed('output-dir-holds-run', {
        dir: 'mixed',
        made: ['attune_model.json', 'attune_rows.json', 'checkpoint-2', '…'],
        resumable: true,
      }),
    );
    await accepted(train('--output-dir', 'mixed', '--max-steps', '3', '--resume-from-checkpoint'));
    const made = Object.keys(snapshot(dir)).filter((path) => !(path in before));
    assert.ok(
      ['attune.json', 'checkpoint-3/model.safetensors', 'report.html', '.attune-files.json'].every((path) =>
        made.includes(path),
      ),
      made.join(', '),
    );
    await accepted(train('--output-dir', 'mixed', '--overwrite-output-dir', '--save-strategy', 'no'));
    const isMade = (path: string): boolean => !(path in before) && !(`${path}/` in before);
    assert.deepEqual(snapshot(dir, isMade), before);
    const left = readdirSync(dir).filter(isMade).sort();
    assert.deepEqual(left, FINISHED_RUN);
  });
});

describe('a file in the way of a part of the work', () => {
  it('is refused before an old run is removed, if event files cannot go to --logging-dir', async () => {
    await accepted(train('--output-dir', 'logged', '--save-strategy', 'no'));
    rmSync(at('logged', 'runs'), { recursive: true });
    writeFileSync(at('logged', 'runs'), 'mine');
    const before = snapshot(at('logged'));
    await refused(
      train('--output-dir', 'logged', '--overwrite-output-dir'),
      printed('logging-dir-blocked', { loggingDir: join('logged', 'runs'), blocking: at('logged', 'runs') }),
    );
    for (const name of ['config.json', 'checkpoint-2'])
      await refused(
        train('--output-dir', 'logged', '--overwrite-output-dir', '--logging-dir', `logged/${name}`),
        printed('logging-dir-of-run', { loggingDir: `logged/${name}` }),
      );
    assert.deepEqual(snapshot(at('logged')), before);
  });

  it('is refused, and not waited for, if it is a pipe that nobody writes to', { skip: noLinks }, async () => {
    mkdirSync(at('piped', 'checkpoint-7'), { recursive: true });
    for (const name of ['checkpoint-7/trainer_state.json', 'comparison.json', 'attune.json'])
      spawnSync('mkfifo', [at('piped', name)]);
    const before = snapshot(at('piped'));
    for (const words of [
      ['report', 'piped'],
      ['reproduce', 'piped'],
      ['train', ...LEARN, '--output-dir', 'piped', '--resume-from-checkpoint'],
      ['train', ...LEARN, '--output-dir', 'piped', '--overwrite-output-dir'],
    ]) {
      const { code, stderr } = await attune(words, { cwd });
      assert.ok(code === 1 || code === 2, stderr);
    }
    assert.deepEqual(snapshot(at('piped')), before);
  });
});

describe('an input that is an output', () => {
  it('is refused if it is the model or the dataset, under any name', { skip: noLinks }, async () => {
    cpSync(at('model'), at('base'), { recursive: true });
    symlinkSync('base', at('also-base'));
    const before = snapshot(at('base'));
    const overlaps = (outputDir: string, what: string, path: string): string =>
      printed('output-overlaps-input', { outputDir, what, path, isFolder: true });
    await refused(
      attune(
        [
          'train',
          '--model',
          'base',
          '--dataset',
          'data',
          '--output-dir',
          './base/',
          '--overwrite-output-dir',
        ],
        { cwd },
      ),
      overlaps('./base/', 'the model', 'base'),
    );
    await refused(
      attune(['compare', '--model', 'also-base', '--dataset', 'data', '--output-dir', at('base')], { cwd }),
      overlaps(at('base'), 'the model', 'also-base'),
    );
    await refused(
      attune(['serve', '--demo', '--model', 'base', '--out', 'also-base'], { cwd }),
      overlaps('also-base', 'the model', 'base'),
    );
    await refused(
      attune(['train', '--model', 'model', '--dataset', 'data', '--output-dir', 'data'], { cwd }),
      overlaps('data', 'the dataset', 'data'),
    );
    assert.deepEqual(snapshot(at('base')), before);
  });

  it('is refused if it is a checkpoint of the run, or the run itself', async () => {
    await accepted(train('--output-dir', 'run', '--save-steps', '1'));
    const before = snapshot(at('run'));
    await refused(
      attune(
        [
          'train',
          '--model',
          'run/checkpoint-1',
          '--dataset',
          'data',
          '--output-dir',
          'run',
          '--overwrite-output-dir',
        ],
        { cwd },
      ),
      printed('output-overlaps-input', {
        outputDir: 'run',
        what: 'the model',
        path: 'run/checkpoint-1',
        isFolder: false,
      }),
    );
    await refused(
      train('--output-dir', 'run', '--resume-from-checkpoint', 'run', '--overwrite-output-dir'),
      printedWithHint('checkpoint-is-run-folder', { dir: 'run', newest: join('run', 'checkpoint-2') }),
    );
    await refused(
      attune(['reproduce', 'run', '--output-dir', './run/', '--overwrite-output-dir'], { cwd }),
      printed('output-overlaps-input', { outputDir: './run/', what: 'the run', path: 'run', isFolder: true }),
    );
    assert.deepEqual(snapshot(at('run')), before);
  });
});
