/** The real command line with ids of the Hub: two processes at once, kills, the cache, full disks. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { jsonLines } from '../../support/cli.js';
import { can, Run, setWritable } from '../../faults/machine.js';
import { HubCli } from '../../support/hub-cli.js';
import { printed } from '../../support/refusal.js';

let hub: HubCli;
before(async () => {
  hub = await HubCli.start();
});
after(() => hub.stop());

describe('attune with ids of the Hub', () => {
  it('predicts from a branch and from a tag', async () => {
    const predict = ['predict', '--text', 'a fine day', '--logits', '--model'];
    const main = await hub.run('ids', [...predict, 'tiny/classifier']);
    const tag = await hub.run('ids', [...predict, 'tiny/classifier@v1']);
    assert.equal(main.code, 0, main.stderr);
    assert.equal(tag.code, 0, tag.stderr);
    assert.deepEqual(jsonLines(tag.stdout), jsonLines(main.stdout));
  });

  it('evaluates a model at a revision', async () => {
    const { code, stdout, stderr } = await hub.run('ids', [
      'evaluate',
      '--model',
      'tiny/classifier@v1',
      '--dataset',
      'data',
      '--json',
    ]);
    assert.equal(code, 0, stderr);
    assert.equal(jsonLines(stdout)[0]['rows'], 4);
  });

  it('downloads only the tokenizer for attune inspect', async () => {
    const { code, stderr } = await hub.run('tokenizer', [
      'inspect',
      '--model',
      'tiny/gpt2',
      '--dataset',
      'data',
      '--json',
    ]);
    assert.equal(code, 0, stderr);
    const snapshots = join(hub.cwd, 'tokenizer', 'hub', 'models--tiny--gpt2', 'snapshots');
    const [snapshot] = readdirSync(snapshots);
    assert.deepEqual(readdirSync(join(snapshots, snapshot)).sort(), [
      'merges.txt',
      'tokenizer_config.json',
      'vocab.json',
    ]);
  });

  it('downloads a model once for two processes that need it at the same time', async (t) => {
    let listings = 0;
    let bothHaveListed = (): void => undefined;
    const listed = new Promise<void>((resolve) => {
      bothHaveListed = resolve;
    });
    hub.server.fault = async ({ cdn, url }) => {
      if (url.includes('/tree/') && ++listings === 2) bothHaveListed();
      if (!cdn) return undefined;
      await listed;
      return { pauseBetween: 30, pieceBytes: 40_000 };
    };
    t.after(() => {
      hub.server.fault = () => undefined;
    });
    hub.server.requests.length = 0;
    const both = await Promise.all(
      [1, 2].map(() =>
        hub.run('two', ['predict', '--model', 'tiny/classifier', '--text', 'a fine day', '--logits']),
      ),
    );
    for (const { code, stderr } of both) assert.equal(code, 0, stderr);
    assert.deepEqual(jsonLines(both[0].stdout), jsonLines(both[1].stdout));
    assert.equal(hub.server.requests.filter(({ cdn }) => cdn).length, 1);
    assert.deepEqual(
      readdirSync(join(hub.cwd, 'two', 'hub', 'models--tiny--classifier', 'blobs')).filter((name) =>
        name.includes('.'),
      ),
      [],
    );
  });

  it('ends with 130 on SIGINT in a download, and resumes a killed one from what had arrived', async (t) => {
    const args = ['predict', '--model', 'tiny/classifier', '--text', 'a fine day'];
    hub.server.fault = ({ cdn }) => (cdn ? { stallAfter: 100_000 } : undefined);
    t.after(() => {
      hub.server.fault = () => undefined;
    });
    for (const signal of ['SIGKILL', 'SIGINT'] as const) {
      const ended = await hub.run('killed', args, {}, [{ when: /downloading/, signal }]);
      if (signal === 'SIGKILL') assert.equal(ended.signal, 'SIGKILL');
      else assert.equal(ended.code, 130, ended.stderr);
    }
    hub.server.fault = () => undefined;
    const blobs = join(hub.cwd, 'killed', 'hub', 'models--tiny--classifier', 'blobs');
    const whole = await hub.run('whole', args);
    assert.equal(whole.code, 0, whole.stderr);
    const from = join(hub.cwd, 'whole', 'hub', 'models--tiny--classifier', 'blobs');
    const weights = readdirSync(from).find((name) => name.length === 64)!;
    mkdirSync(blobs, { recursive: true });
    // How much had arrived depends on the moment of the kill; here it is fixed.
    writeFileSync(
      join(blobs, `${weights}.incomplete`),
      readFileSync(join(from, weights)).subarray(0, 50_000),
    );
    hub.server.requests.length = 0;
    const resumed = await hub.run('killed', args);
    assert.equal(resumed.code, 0, resumed.stderr);
    assert.equal(resumed.stdout, whole.stdout);
    assert.deepEqual(
      hub.server.requests.filter(({ cdn }) => cdn).map(({ headers }) => headers.range),
      ['bytes=50000-'],
    );
  });
});

describe('attune cache', () => {
  before(async () => {
    for (const model of ['tiny/gpt2', 'tiny/classifier@v1']) {
      const inspect = ['inspect', '--model', model, '--dataset', 'data', '--json'];
      assert.equal((await hub.run('cache', inspect)).code, 0);
    }
  });

  it('lists what was downloaded, for people and with --json', async () => {
    const listed = await hub.run('cache', ['cache']);
    assert.equal(listed.code, 0, listed.stderr);
    assert.match(
      listed.stderr,
      /tiny\/classifier +model +\d+ kB +v1 +\d{4}-\d\d-\d\d +\S+models--tiny--classifier/,
    );
    const records = jsonLines((await hub.run('cache', ['cache', '--json'])).stdout);
    assert.deepEqual(records.map(({ id, kind }) => [id, kind]).sort(), [
      ['tiny/classifier', 'model'],
      ['tiny/gpt2', 'model'],
    ]);
  });
});

describe('attune cache prune', () => {
  it('refuses to start without a repository or an option', async () => {
    const { code, stderr } = await hub.run('cache', ['cache', 'prune']);
    assert.equal(code, 2);
    assert.ok(stderr.includes(printed('cache-prune-unspecified', {})), stderr);
  });

  it('requires --yes if stdin is not a terminal', async () => {
    const { code, stderr } = await hub.run('cache', ['cache', 'prune', 'tiny/gpt2']);
    assert.equal(code, 2);
    assert.ok(stderr.includes(`error: ${printed('confirmation-impossible', {})}\n`), stderr);
  });

  it('refuses a repository that is not in the cache', async () => {
    const { code, stderr } = await hub.run('cache', ['cache', 'prune', 'tiny/other', '--yes']);
    assert.equal(code, 2);
    const facts = { given: 'tiny/other', cacheDir: join(hub.cwd, 'cache', 'hub') };
    assert.ok(stderr.includes(printed('cache-entry-unknown', facts)), stderr);
  });

  it('removes what was not used for so many days with --older-than', async () => {
    const folder = join(hub.cwd, 'cache', 'hub', 'models--tiny--gpt2');
    const old = new Date(Date.now() - 50 * 24 * 3600 * 1000);
    for (const blob of readdirSync(join(folder, 'blobs'))) utimesSync(join(folder, 'blobs', blob), old, old);
    const pruned = await hub.run('cache', ['cache', 'prune', '--older-than', '30', '--yes', '--json']);
    assert.equal(pruned.code, 0, pruned.stderr);
    assert.deepEqual(
      jsonLines(pruned.stdout).map(({ id }) => id),
      ['tiny/gpt2'],
    );
    assert.ok(!existsSync(folder));
    assert.match(
      (await hub.run('cache', ['cache', 'prune', '--older-than', '30'])).stderr,
      /nothing to remove/,
    );
  });

  it('removes a repository by its id', async () => {
    assert.equal((await hub.run('cache', ['cache', 'prune', 'tiny/classifier', '--yes'])).code, 0);
    assert.match((await hub.run('cache', ['cache'])).stderr, /nothing was downloaded/);
  });
});

const TRAIN = [
  'train',
  '--model',
  'tiny/gpt2',
  '--dataset',
  'data',
  '--max-steps',
  '1',
  '--save-strategy',
  'no',
  '--threads',
  '1',
];

describe('attune train with a model of the Hub', () => {
  let saved: NodeJS.ProcessEnv;
  before(() => {
    saved = { ...process.env };
    Object.assign(process.env, {
      HF_ENDPOINT: hub.server.url,
      HF_HUB_CACHE: '',
      HF_HUB_OFFLINE: '',
      HF_TOKEN: '',
    });
  });
  after(() => {
    process.env = saved;
  });

  it(
    'reports a disk that fills up in a download with one error, and downloads it in the next run',
    { skip: can.limitFiles ? false : 'prlimit is not here' },
    async () => {
      process.env['HF_HOME'] = join(hub.cwd, 'full');
      const words = [...TRAIN, '--output-dir', 'run'];
      const options = { cwd: hub.cwd, tmp: hub.cwd };
      const full = await Run.start(words, { ...options, fileLimit: 100_000 }).wait();
      assert.equal(full.code, 1, full.stderr);
      // Files come side by side: which one is too large first depends on the moment.
      const path = /\S+\.incomplete/.exec(full.stderr)?.[0] ?? '';
      const reason = 'EFBIG: file too large, write';
      assert.ok(path.startsWith(join(hub.cwd, 'full', 'hub')), full.stderr);
      assert.ok(
        full.stderr.includes(`error: ${printed('cache-unwritable', { path, reason })}\n`),
        full.stderr,
      );
      assert.ok(!existsSync(join(hub.cwd, 'run')));
      const again = await Run.start(words, options).wait();
      assert.equal(again.code, 0, again.stderr);
      const files = readdirSync(join(hub.cwd, 'full'), { recursive: true }) as string[];
      assert.deepEqual(
        files.filter((name) => /incomplete|partial/.test(name)),
        [],
      );
    },
  );

  it(
    'reports a read-only cache with one error',
    { skip: can.beNobody ? false : 'this process cannot become another user' },
    async () => {
      const readOnly = join(hub.cwd, 'read-only');
      mkdirSync(readOnly, { mode: 0o555 });
      setWritable(hub.cwd, true);
      setWritable(readOnly, false);
      process.env['HF_HOME'] = readOnly;
      const { code, stderr } = await Run.start([...TRAIN, '--output-dir', 'other'], {
        cwd: hub.cwd,
        tmp: hub.cwd,
        asNobody: true,
      }).wait();
      assert.equal(code, 1, stderr);
      const path = join(readOnly, 'hub');
      const reason = `EACCES: permission denied, mkdir '${path}'`;
      assert.ok(stderr.includes(`error: ${printed('cache-unwritable', { path, reason })}\n`), stderr);
    },
  );
});
