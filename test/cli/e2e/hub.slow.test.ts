/** The real command line with ids of the Hub: all commands, two processes at once, kills, the cache. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { jsonLines } from '../../support/cli.js';
import { can, Run, setWritable } from '../../faults/machine.js';
import { HubCli } from '../../support/hub-cli.js';

let hub: HubCli;
before(async () => {
  hub = await HubCli.start();
});
after(() => hub.stop());

test('evaluate, predict and inspect take ids with revisions', async () => {
  const predict = ['predict', '--text', 'a fine day', '--logits', '--model'];
  const main = await hub.run('ids', [...predict, 'tiny/classifier']);
  const tag = await hub.run('ids', [...predict, 'tiny/classifier@v1']);
  assert.equal(main.code, 0, main.stderr);
  assert.equal(tag.code, 0, tag.stderr);
  assert.deepEqual(jsonLines(tag.stdout), jsonLines(main.stdout));
  const evaluated = await hub.run('ids', [
    'evaluate',
    '--model',
    'tiny/classifier@v1',
    '--dataset',
    'data',
    '--json',
  ]);
  assert.equal(evaluated.code, 0, evaluated.stderr);
  assert.equal(jsonLines(evaluated.stdout)[0]['rows'], 4);
  const inspected = await hub.run('tokenizer', [
    'inspect',
    '--model',
    'tiny/gpt2',
    '--dataset',
    'data',
    '--json',
  ]);
  assert.equal(inspected.code, 0, inspected.stderr);
  const [snapshot] = readdirSync(join(hub.cwd, 'tokenizer', 'hub', 'models--tiny--gpt2', 'snapshots'));
  assert.deepEqual(
    readdirSync(join(hub.cwd, 'tokenizer', 'hub', 'models--tiny--gpt2', 'snapshots', snapshot)).sort(),
    ['merges.txt', 'tokenizer_config.json', 'vocab.json'],
  );
});

test('two processes that want the same model at once download it once, and both have it whole', async (t) => {
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

test('killed in a download, the next run goes on from what came; Ctrl-C ends with 130', async (t) => {
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
  writeFileSync(join(blobs, `${weights}.incomplete`), readFileSync(join(from, weights)).subarray(0, 50_000));
  hub.server.requests.length = 0;
  const resumed = await hub.run('killed', args);
  assert.equal(resumed.code, 0, resumed.stderr);
  assert.equal(resumed.stdout, whole.stdout);
  assert.deepEqual(
    hub.server.requests.filter(({ cdn }) => cdn).map(({ headers }) => headers.range),
    ['bytes=50000-'],
  );
});

test('cache lists and prunes; it asks, and without a terminal wants --yes', async () => {
  for (const model of ['tiny/gpt2', 'tiny/classifier@v1'])
    assert.equal(
      (await hub.run('cache', ['inspect', '--model', model, '--dataset', 'data', '--json'])).code,
      0,
    );
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

  const bare = await hub.run('cache', ['cache', 'prune']);
  assert.equal(bare.code, 2);
  assert.match(bare.stderr, /nothing says what to remove/);
  const unasked = await hub.run('cache', ['cache', 'prune', 'tiny/gpt2']);
  assert.equal(unasked.code, 2);
  assert.match(unasked.stderr, /Add --yes/);
  const unknown = await hub.run('cache', ['cache', 'prune', 'tiny/other', '--yes']);
  assert.equal(unknown.code, 2);

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
  assert.equal((await hub.run('cache', ['cache', 'prune', 'tiny/classifier', '--yes'])).code, 0);
  assert.match((await hub.run('cache', ['cache'])).stderr, /nothing was downloaded/);
});

test(
  'a disk that fills up during a download, a cache that is read-only: one line, and the next run resumes',
  { skip: can.limitFiles ? false : 'prlimit is not here' },
  async (t) => {
    const cli = await HubCli.start();
    t.after(() => cli.stop());
    const saved = { ...process.env };
    t.after(() => {
      process.env = saved;
    });
    Object.assign(process.env, {
      HF_ENDPOINT: cli.server.url,
      HF_HOME: join(cli.cwd, 'full'),
      HF_HUB_CACHE: '',
      HF_HUB_OFFLINE: '',
      HF_TOKEN: '',
    });
    const words = [
      'train',
      '--model',
      'tiny/gpt2',
      '--dataset',
      'data',
      '--max-steps',
      '1',
      '--save-strategy',
      'no',
      '--output-dir',
      'run',
      '--threads',
      '1',
    ];
    const full = await Run.start(words, { cwd: cli.cwd, tmp: cli.cwd, fileLimit: 100_000 }).wait();
    assert.equal(full.code, 1, full.stderr);
    assert.match(full.stderr, /^error: .*(EFBIG|file too large)/im);
    assert.doesNotMatch(full.stderr, /defect of attune/);
    assert.ok(!existsSync(join(cli.cwd, 'run')));
    const again = await Run.start(words, { cwd: cli.cwd, tmp: cli.cwd }).wait();
    assert.equal(again.code, 0, again.stderr);
    assert.deepEqual(
      (readdirSync(join(cli.cwd, 'full'), { recursive: true }) as string[]).filter((name) =>
        /incomplete|partial/.test(name),
      ),
      [],
    );
    if (!can.beNobody) return;
    const readOnly = join(cli.cwd, 'read-only');
    mkdirSync(readOnly, { mode: 0o555 });
    setWritable(cli.cwd, true);
    setWritable(readOnly, false);
    process.env['HF_HOME'] = readOnly;
    const refused = await Run.start(
      words.map((word) => (word === 'run' ? 'other' : word)),
      { cwd: cli.cwd, tmp: cli.cwd, asNobody: true },
    ).wait();
    assert.equal(refused.code, 1, refused.stderr);
    assert.match(refused.stderr, /^error: .*(EACCES|permission denied)/im);
  },
);
