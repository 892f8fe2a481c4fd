/**
 * What attune may replace and remove in an output folder. output-folder.slow.test.ts has processes that die while
 * they write there.
 */
import assert from 'node:assert/strict';
import fsPromises from 'node:fs/promises';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { AttuneError, UsageError } from '#attune/errors/attune-error.js';
import { OutputFolder } from '#attune/train/output-folder.js';
import { RECORD_FILE } from '#attune/train/output-record.js';
import { LOCK_FILE } from '#attune/train/run-lock.js';
import { RUN_FILES } from '#attune/train/run-names.js';
import { folder, namesIn } from '../support/folder.js';
import { checkpoint, everything, fresh, overwrite, RUN, run, within } from '../support/output-folder.js';
import { refusal } from '../support/refusal.js';

const isLinux = process.platform === 'linux';

const holds = (dir: string, ...foreign: string[]) =>
  refusal(UsageError, 'output-dir-holds-foreign', { dir, foreign });

describe('OutputFolder.open', () => {
  it('refuses a record file that is invalid or names paths outside, and leaves it', async (t) => {
    const outside = JSON.stringify({
      format: 1,
      purpose: 'run',
      id: '00000000-0000-4000-8000-000000000000',
      files: ['../letter.txt'],
    });
    for (const text of [
      '',
      'mine',
      '{}',
      '{"format":2}',
      outside,
      outside.replace('../letter.txt', '/etc/passwd'),
      outside.replace('../letter.txt', '.attune.lock'),
    ]) {
      const dir = folder(t, { [RECORD_FILE]: text });
      await assert.rejects(
        within(dir, overwrite),
        refusal(UsageError, 'output-record-foreign', { file: join(dir, RECORD_FILE) }),
      );
      assert.deepEqual(readdirSync(dir), [RECORD_FILE]);
      assert.equal(readFileSync(join(dir, RECORD_FILE), 'utf8'), text);
    }
  });

  it('changes nothing outside the folder, whatever paths its workshop names', async (t) => {
    const root = folder(t);
    const dir = join(root, 'out');
    await within(dir, fresh, run);
    const { id } = JSON.parse(readFileSync(join(dir, RECORD_FILE), 'utf8')) as { id: string };
    for (const name of ['..%2Fplanted', '50%', '%2Fetc%2Fplanted', '.attune.lock', 'taken'])
      mkdirSync(join(dir, `.attune-${id}`, 'operation', 'replaced', name), { recursive: true });
    await (await OutputFolder.open(dir)).close();
    assert.deepEqual(readdirSync(root), ['out']);
    assert.ok(!existsSync('/etc/planted'));
    assert.deepEqual(
      readdirSync(dir).filter((name) => name.startsWith('.')),
      [RECORD_FILE],
    );
  });
});

describe('OutputFolder.prepare', () => {
  it('creates the folder and its parents', async (t) => {
    const dir = join(folder(t), 'a', 'b');
    await within(dir, fresh);
    assert.deepEqual(readdirSync(dir), []);
  });

  it('refuses, keeps or removes a run, depending on the mode, and keeps other files', async (t) => {
    const dir = folder(t, { 'my notes.txt': 'mine', '.thesis.partial.docx': 'mine' });
    mkdirSync(join(dir, 'checkpoint-final'));
    const before = everything(dir);
    await within(dir, fresh, run);
    await assert.rejects(
      within(dir, fresh),
      refusal(UsageError, 'output-dir-holds-run', {
        dir,
        made: ['checkpoint-1', 'checkpoint-2', 'config.json', 'model.safetensors', 'trainer_state.json'],
        resumable: true,
      }),
    );
    await within(dir, { mode: 'keep', makes: RUN_FILES, checkpointsAfter: 2 });
    assert.ok(existsSync(join(dir, 'checkpoint-2', 'config.json')));
    await within(dir, { mode: 'keep', makes: [] }, (output) =>
      output.rename('checkpoint-2', 'broken-checkpoint-2'),
    );
    assert.deepEqual(namesIn(join(dir, 'broken-checkpoint-2')), ['config.json', 'model.safetensors']);
    await within(dir, overwrite);
    assert.deepEqual(everything(dir), before);
  });

  it('accepts a folder that holds only the manifest of an earlier run', async (t) => {
    const dir = folder(t);
    await within(dir, fresh, (output) => output.write('attune.json', 'begun'));
    await within(dir, fresh, run);
  });

  it('refuses a path that is a file or leads through one', async (t) => {
    const taken = join(folder(t, { taken: 'x' }), 'taken');
    await assert.rejects(within(taken, fresh), refusal(AttuneError, 'output-dir-is-file', { dir: taken }));
    const deeper = join(taken, 'deeper');
    await assert.rejects(
      within(deeper, fresh),
      refusal(AttuneError, 'output-dir-unwritable', { dir: deeper }),
    );
  });

  it('refuses anything under a name that it needs, names it and leaves it there', async (t) => {
    const elsewhere = folder(t, { file: 'mine' });
    const targets = {
      link: join(elsewhere, 'file'),
      'link to nothing': 'nowhere',
      'link to a folder': elsewhere,
    };
    for (const name of [...RUN_FILES, 'checkpoint-3', 'broken-checkpoint-1']) {
      for (const kind of [
        'file',
        'folder',
        'folder with a file',
        'link',
        'link to nothing',
        'link to a folder',
      ] as const) {
        const dir = folder(t);
        const path = join(dir, name);
        if (kind === 'file') writeFileSync(path, 'mine');
        else if (kind === 'folder' || kind === 'folder with a file') mkdirSync(path);
        else symlinkSync(targets[kind], path);
        if (kind === 'folder with a file') writeFileSync(join(path, 'file'), 'mine');
        const before = everything(dir);
        for (const mode of ['new', 'overwrite', 'keep'] as const) {
          // A resumed run makes such a folder only from its own checkpoint.
          if (mode === 'keep' && name.startsWith('broken')) continue;
          await assert.rejects(
            within(dir, { mode, ...RUN }),
            holds(dir, kind === 'folder with a file' ? `${name}/file` : name),
            `${name}, ${kind}, ${mode}`,
          );
          assert.deepEqual(everything(dir), before);
          assert.ok(!existsSync(join(dir, RECORD_FILE)));
        }
      }
    }
  });

  it('lets a demo replace only a demo, a page only a page, and a run a run or a demo', async (t) => {
    const page = { mode: 'keep', makes: [], purpose: 'page' } as const;
    const demo = { ...overwrite, purpose: 'demo' } as const;
    const dir = folder(t);
    await within(dir, demo, run);
    await within(dir, demo, run);
    await within(dir, overwrite, run);
    const before = everything(dir);
    for (const [mode, purpose] of [
      ['overwrite', 'demo'],
      ['keep', 'page'],
    ] as const) {
      await assert.rejects(
        within(dir, { mode, makes: [], purpose }),
        refusal(UsageError, 'output-dir-purpose', { dir, found: 'run', wanted: purpose }),
      );
    }
    assert.deepEqual(everything(dir), before);
    const served = folder(t);
    const write = (text: string) => (output: OutputFolder) => output.write('index.html', text);
    await within(served, page, write('old'));
    await within(served, page, write('new'));
    for (const [preparation, purpose] of [
      [overwrite, 'run'],
      [demo, 'demo'],
    ] as const) {
      await assert.rejects(
        within(served, preparation),
        refusal(UsageError, 'output-dir-purpose', { dir: served, found: 'page', wanted: purpose }),
      );
    }
    assert.equal(readFileSync(join(served, 'index.html'), 'utf8'), 'new');
  });

  it('refuses to overwrite a locked checkpoint, but not one with the lock of a dead process', async (t) => {
    const dir = folder(t);
    await within(dir, fresh, run);
    const held = await OutputFolder.open(join(dir, 'checkpoint-1'));
    await assert.rejects(within(dir, overwrite), holds(dir, 'checkpoint-1/.attune.lock'));
    await held.close();
    writeFileSync(
      join(dir, 'checkpoint-1', LOCK_FILE),
      JSON.stringify({
        pid: 2 ** 22 + 1,
        host: hostname(),
        scope: null,
        started: null,
        since: '',
        nonce: '',
      }),
    );
    await within(dir, overwrite);
    assert.deepEqual(readdirSync(dir), [RECORD_FILE]);
  });
});

describe('OutputFolder.remove', () => {
  it('keeps folders that hold other files, and does not overwrite such a checkpoint', async (t) => {
    const dir = folder(t);
    await within(dir, fresh, async (output) => {
      await run(output);
      await output.place(
        async (staged) => {
          mkdirSync(join(staged, 'baselines', 'majority'), { recursive: true });
          await fsPromises.writeFile(join(staged, 'baselines', 'majority', 'estimator.json'), '{}');
        },
        ['baselines/majority'],
      );
    });
    writeFileSync(join(dir, 'checkpoint-1', 'letter.txt'), 'dear');
    writeFileSync(join(dir, 'baselines', 'majority', 'letter.txt'), 'dear');
    await within(dir, { mode: 'keep', makes: [] }, async (output) =>
      assert.deepEqual(await output.remove('checkpoint-1'), ['checkpoint-1/letter.txt']),
    );
    const before = everything(dir);
    await assert.rejects(within(dir, overwrite), holds(dir, 'checkpoint-1/letter.txt'));
    assert.deepEqual(everything(dir), before);
    rmSync(join(dir, 'checkpoint-1', 'letter.txt'));
    await within(dir, overwrite);
    assert.deepEqual(
      [...everything(dir).keys()],
      ['baselines/', 'baselines/majority/', 'baselines/majority/letter.txt'],
    );
  });

  it('keeps a link that has replaced a file or checkpoint of the run', async (t) => {
    const elsewhere = folder(t, { file: 'mine' });
    const dir = folder(t);
    await within(dir, fresh, run);
    rmSync(join(dir, 'config.json'));
    symlinkSync(join(elsewhere, 'file'), join(dir, 'config.json'));
    renameSync(join(dir, 'checkpoint-2'), join(elsewhere, 'checkpoint-2'));
    symlinkSync(join(elsewhere, 'checkpoint-2'), join(dir, 'checkpoint-2'));
    const before = [everything(dir), everything(elsewhere)];
    await assert.rejects(within(dir, overwrite), holds(dir, 'config.json', 'checkpoint-2'));
    await within(dir, { mode: 'keep', makes: [] }, async (output) =>
      assert.deepEqual(await output.remove('checkpoint-2'), ['checkpoint-2']),
    );
    assert.deepEqual([everything(dir), everything(elsewhere)], before);
  });

  it('removes a checkpoint together with the report that was added to it', async (t) => {
    const dir = folder(t);
    await within(dir, fresh, run);
    await within(join(dir, 'checkpoint-1'), { mode: 'add', makes: ['report.html'] }, (output) =>
      output.write('report.html', 'page'),
    );
    await within(dir, { mode: 'keep', makes: [] }, async (output) =>
      assert.deepEqual(await output.remove('checkpoint-1'), []),
    );
    assert.ok(!existsSync(join(dir, 'checkpoint-1')));
  });

  it('keeps a run inside a checkpoint, and does not overwrite this checkpoint', async (t) => {
    const dir = folder(t);
    await within(dir, fresh, run);
    await within(join(dir, 'checkpoint-1', 'other'), fresh, run);
    await within(dir, { mode: 'keep', makes: [] }, async (output) =>
      assert.ok((await output.remove('checkpoint-1')).includes('checkpoint-1/other/attune.json')),
    );
    const other = [...everything(join(dir, 'checkpoint-1', 'other')).keys(), RECORD_FILE]
      .filter((name) => !name.endsWith('/'))
      .map((name) => `checkpoint-1/other/${name}`);
    await assert.rejects(within(dir, overwrite), (error) => {
      assert.ok(error instanceof UsageError);
      assert.deepEqual([...(error.facts['foreign'] as string[])].sort(), other.sort());
      return refusal(UsageError, 'output-dir-holds-foreign', { dir })(error);
    });
    rmSync(join(dir, 'checkpoint-1', 'other'), { recursive: true });
    await within(dir, overwrite);
    assert.deepEqual(readdirSync(dir), [RECORD_FILE]);
  });

  it('keeps a file whose name is not UTF-8', { skip: !isLinux && 'only Linux has such names' }, async (t) => {
    const dir = folder(t);
    await within(dir, fresh, run);
    const strange = Buffer.concat([Buffer.from(join(dir, 'checkpoint-2', 'caf')), Buffer.of(0xe9)]);
    writeFileSync(strange, 'mine');
    await within(dir, { mode: 'keep', makes: [] }, async (output) =>
      assert.deepEqual(await output.remove('checkpoint-2'), ['checkpoint-2/caf\ufffd']),
    );
    await assert.rejects(within(dir, overwrite), holds(dir, 'checkpoint-2/caf\ufffd'));
    rmSync(strange);
    await within(dir, overwrite);
    assert.deepEqual(readdirSync(dir), [RECORD_FILE]);
  });
});

describe('OutputFolder without its lock', () => {
  it('writes nothing once its lock is lost', async (t) => {
    const dir = folder(t);
    await within(dir, fresh, run);
    const before = everything(dir);
    const output = await OutputFolder.open(dir);
    t.after(() => output.close());
    await output.prepare({ mode: 'keep', makes: [] });
    const lock = join(dir, LOCK_FILE);
    const held = JSON.parse(readFileSync(lock, 'utf8')) as object;
    const other = `${JSON.stringify({ ...held, pid: 1, host: 'elsewhere', nonce: 'other' })}\n`;
    const { since } = JSON.parse(other) as { since: string };
    for (const [lose, takenBy] of [
      [() => writeFileSync(lock, other), { pid: 1, host: 'elsewhere', since }],
      [() => rmSync(lock), undefined],
    ] as const) {
      lose();
      for (const work of [
        () => checkpoint(output, 9, 'late'),
        () => output.write('attune.json', 'late'),
        () => output.remove('checkpoint-1'),
        () => output.rename('checkpoint-1', 'broken-checkpoint-1'),
      ]) {
        await assert.rejects(
          work,
          (error) =>
            !(error instanceof UsageError) && refusal(AttuneError, 'run-lock-lost', { dir, takenBy })(error),
        );
      }
      const found = everything(dir);
      found.delete(LOCK_FILE);
      assert.deepEqual(found, before);
    }
    writeFileSync(lock, other);
    await output.close();
    assert.equal(readFileSync(lock, 'utf8'), other, 'the lock of the other process stays');
  });

  it('does not move a checkpoint into place if the lock was lost while it was written', async (t) => {
    const dir = folder(t);
    const output = await OutputFolder.open(dir);
    await output.prepare(fresh);
    t.after(() => output.close());
    await assert.rejects(
      output.place(async (staged) => {
        await fsPromises.writeFile(join(staged, 'config.json'), 'late');
        writeFileSync(join(dir, LOCK_FILE), 'another’s');
      }),
      refusal(AttuneError, 'run-lock-lost', { dir, takenBy: undefined }),
    );
    assert.deepEqual(namesIn(dir), [LOCK_FILE]);
  });

  it('leaves the files of the process that took its lock', async (t) => {
    const dir = folder(t);
    const loser = await OutputFolder.open(dir);
    await loser.prepare({ mode: 'keep', makes: [] });
    let begin = (): void => undefined;
    const writing = new Promise<void>((resolve) => {
      begin = resolve;
    });
    let goOn = (): void => undefined;
    const stopped = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const lost = loser.place(async (staged) => {
      begin();
      await stopped;
      await fsPromises.writeFile(join(staged, 'config.json'), 'loser').catch(() => undefined);
      await fsPromises.writeFile(join(staged, 'vocab.json'), 'loser');
    });
    await writing;
    rmSync(join(dir, LOCK_FILE));
    await within(dir, { mode: 'keep', makes: [] }, (winner) =>
      winner.place(async (staged) => {
        await fsPromises.writeFile(join(staged, 'config.json'), 'winner');
        goOn();
        await assert.rejects(lost, refusal(AttuneError, 'run-lock-lost', { dir }));
        await fsPromises.writeFile(join(staged, 'model.safetensors'), 'winner');
      }),
    );
    await loser.close();
    assert.deepEqual(namesIn(dir), ['config.json', 'model.safetensors']);
    assert.equal(readFileSync(join(dir, 'config.json'), 'utf8'), 'winner');
  });
});
