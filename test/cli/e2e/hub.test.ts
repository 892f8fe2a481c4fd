/** The real command line with models of the Hub, through a server of its protocol. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { TestContext } from 'node:test';
import { attune, jsonLines, writeData } from '../../support/cli.js';
import type { CliResult } from '../../support/cli.js';
import { hubModel } from '../../support/hub-models.js';
import { HubServer } from '../../support/hub-server.js';

let server: HubServer;
let cwd = '';
const cleanUps: (() => void)[] = [];
const lasting = { after: (clean: () => void) => void cleanUps.push(clean) } as unknown as TestContext;
const TRAIN = ['--dataset', 'data', '--max-steps', '2', '--logging-steps', '1', '--save-strategy', 'no', '--json'];

before(async () => {
  server = await HubServer.start(undefined, [
    { type: 'model', id: 'tiny/gpt2', files: await hubModel(lasting, 'openai-community/gpt2') },
    { type: 'model', id: 'tiny/classifier', files: await hubModel(lasting, 'prefixed', { head: true }), revisions: { v1: await hubModel(lasting, 'sharded', { head: true }) } },
  ]);
  cwd = mkdtempSync(join(tmpdir(), 'attune-test-'));
  writeData(join(cwd, 'data'));
});
after(async () => {
  await server.stop();
  for (const clean of cleanUps) clean();
  rmSync(cwd, { recursive: true, force: true });
});

const env = (home: string, more: Record<string, string> = {}): Record<string, string> => ({ HF_ENDPOINT: server.url, HF_HOME: join(cwd, home), HF_HUB_OFFLINE: '', ...more });
const run = (home: string, args: readonly string[], more: Record<string, string> = {}): Promise<CliResult> => attune(args, { cwd, env: env(home, more) });

test('train on a model of the Hub, then offline from the cache, with the same records', async () => {
  const first = await run('train', ['train', '--model', 'tiny/gpt2', ...TRAIN, '--output-dir', 'first']);
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stderr, /^downloading tiny\/gpt2: 5 files, \d+ kB, into .*train.hub$/m);
  const requests = server.requests.length;
  const second = await run('train', ['train', '--model', 'tiny/gpt2', ...TRAIN, '--output-dir', 'second'], { HF_HUB_OFFLINE: '1' });
  assert.equal(second.code, 0, second.stderr);
  assert.equal(server.requests.length, requests);
  assert.doesNotMatch(second.stderr, /downloading/);
  const losses = ({ stdout }: CliResult): unknown[] => jsonLines(stdout).filter(({ type }) => type === 'train').map(({ loss }) => loss);
  assert.equal(losses(first).length, 2);
  assert.deepEqual(losses(second), losses(first));
  assert.equal((jsonLines(first.stdout).find(({ type }) => type === 'run') as { model: string }).model, 'tiny/gpt2');
  assert.deepEqual(readFileSync(join(cwd, 'first', 'model.safetensors')), readFileSync(join(cwd, 'second', 'model.safetensors')));
});

test('evaluate, predict and inspect take ids with revisions', async () => {
  const predict = ['predict', '--text', 'a fine day', '--logits', '--model'];
  const main = await run('ids', [...predict, 'tiny/classifier']);
  const tag = await run('ids', [...predict, 'tiny/classifier@v1']);
  assert.equal(main.code, 0, main.stderr);
  assert.equal(tag.code, 0, tag.stderr);
  assert.deepEqual(jsonLines(tag.stdout), jsonLines(main.stdout));
  const evaluated = await run('ids', ['evaluate', '--model', 'tiny/classifier@v1', '--dataset', 'data', '--json']);
  assert.equal(evaluated.code, 0, evaluated.stderr);
  assert.equal(jsonLines(evaluated.stdout)[0]['rows'], 4);
  const inspected = await run('tokenizer', ['inspect', '--model', 'tiny/gpt2', '--dataset', 'data', '--json']);
  assert.equal(inspected.code, 0, inspected.stderr);
  const [snapshot] = readdirSync(join(cwd, 'tokenizer', 'hub', 'models--tiny--gpt2', 'snapshots'));
  assert.deepEqual(readdirSync(join(cwd, 'tokenizer', 'hub', 'models--tiny--gpt2', 'snapshots', snapshot)).sort(), ['merges.txt', 'tokenizer_config.json', 'vocab.json']);
});

test('two processes that want the same model at once download it once, and both have it whole', async (t) => {
  let listings = 0;
  let bothHaveListed = (): void => undefined;
  const listed = new Promise<void>((resolve) => (bothHaveListed = resolve));
  server.fault = async ({ cdn, url }) => {
    if (url.includes('/tree/') && ++listings === 2) bothHaveListed();
    if (!cdn) return undefined;
    await listed;
    return { pauseBetween: 30, pieceBytes: 40_000 };
  };
  t.after(() => (server.fault = () => undefined));
  server.requests.length = 0;
  const both = await Promise.all([1, 2].map(() => run('two', ['predict', '--model', 'tiny/classifier', '--text', 'a fine day', '--logits'])));
  for (const { code, stderr } of both) assert.equal(code, 0, stderr);
  assert.deepEqual(jsonLines(both[0].stdout), jsonLines(both[1].stdout));
  assert.equal(server.requests.filter(({ cdn }) => cdn).length, 1);
  assert.deepEqual(readdirSync(join(cwd, 'two', 'hub', 'models--tiny--classifier', 'blobs')).filter((name) => name.includes('.')), []);
});

test('killed in a download, the next run goes on from what came; Ctrl-C ends with 130', async (t) => {
  const args = ['predict', '--model', 'tiny/classifier', '--text', 'a fine day'];
  let begun = 0;
  server.fault = ({ cdn }) => (cdn ? { stallAfter: 100_000 + begun++ } : undefined);
  t.after(() => (server.fault = () => undefined));
  for (const signal of ['SIGKILL', 'SIGINT'] as const) {
    const ended = await attune(args, { cwd, env: env('killed'), signals: [{ when: /downloading[^]*/, signal }] }).then(async (result) => result);
    if (signal === 'SIGKILL') assert.equal(ended.signal, 'SIGKILL');
    else assert.equal(ended.code, 130, ended.stderr);
  }
  server.fault = () => undefined;
  const blobs = join(cwd, 'killed', 'hub', 'models--tiny--classifier', 'blobs');
  const part = readdirSync(blobs).find((name) => name.endsWith('.incomplete'));
  if (part !== undefined) writeFileSync(join(blobs, part), readFileSync(join(blobs, part)).subarray(0, 50_000));
  const { code, stderr, stdout } = await run('killed', args);
  assert.equal(code, 0, stderr);
  assert.equal(jsonLines(stdout).length, 1);
});

test('what cannot be had is refused in one line with what to do', async () => {
  for (const [args, more, code, message] of [
    [['train', '--model', 'tiny/none', ...TRAIN], {}, 1, /^error: tiny\/none: there is no folder .*none, and there is no model tiny\/none on the Hub, or it is private\n +Is it spelled/m],
    [['train', '--model', 'tiny/gpt2@v7', ...TRAIN], {}, 1, /^error: the model tiny\/gpt2 on the Hub has no revision v7\n/m],
    [['train', '--model', 'tiny/gpt2@../x', ...TRAIN], {}, 2, /^error: "\.\.\/x" is not the name of a branch/m],
    [['predict', '--model', 'tiny/gpt2', '--text', 'a'], { HF_HUB_OFFLINE: '1' }, 1, /^error: tiny\/gpt2: there is no folder .*, and the model tiny\/gpt2 is not in the cache/m],
    [['predict', '--model', 'tiny/gpt2', '--text', 'a'], { HF_ENDPOINT: 'nowhere' }, 2, /^error: HF_ENDPOINT is nowhere/m],
    [['predict', '--model', 'tiny/gpt2', '--text', 'a'], { HF_TOKEN: 'hf_wrong' }, 1, /^error: the Hub does not accept the token/m],
  ] as const) {
    const result = await run('cold', [...args, ...(args[0] === 'train' ? ['--output-dir', 'refused'] : [])], more);
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stderr, message);
    assert.equal(result.stdout, '');
    assert.doesNotMatch(result.stderr, /hf_wrong|defect/);
    assert.ok(!existsSync(join(cwd, 'refused')));
  }
});

test('cache lists and prunes; it asks, and without a terminal wants --yes', async () => {
  for (const model of ['tiny/gpt2', 'tiny/classifier@v1']) assert.equal((await run('cache', ['inspect', '--model', model, '--dataset', 'data', '--json'])).code, 0);
  const listed = await run('cache', ['cache']);
  assert.equal(listed.code, 0, listed.stderr);
  assert.match(listed.stderr, /tiny\/classifier +model +\d+ kB +v1 +\d{4}-\d\d-\d\d +\S+models--tiny--classifier/);
  const records = jsonLines((await run('cache', ['cache', '--json'])).stdout);
  assert.deepEqual(records.map(({ id, kind }) => [id, kind]).sort(), [['tiny/classifier', 'model'], ['tiny/gpt2', 'model']]);

  const bare = await run('cache', ['cache', 'prune']);
  assert.equal(bare.code, 2);
  assert.match(bare.stderr, /nothing says what to remove/);
  const unasked = await run('cache', ['cache', 'prune', 'tiny/gpt2']);
  assert.equal(unasked.code, 2);
  assert.match(unasked.stderr, /Add --yes/);
  const unknown = await run('cache', ['cache', 'prune', 'tiny/other', '--yes']);
  assert.equal(unknown.code, 2);

  const folder = join(cwd, 'cache', 'hub', 'models--tiny--gpt2');
  const old = new Date(Date.now() - 50 * 24 * 3600 * 1000);
  for (const blob of readdirSync(join(folder, 'blobs'))) utimesSync(join(folder, 'blobs', blob), old, old);
  const pruned = await run('cache', ['cache', 'prune', '--older-than', '30', '--yes', '--json']);
  assert.equal(pruned.code, 0, pruned.stderr);
  assert.deepEqual(jsonLines(pruned.stdout).map(({ id }) => id), ['tiny/gpt2']);
  assert.ok(!existsSync(folder));
  assert.match((await run('cache', ['cache', 'prune', '--older-than', '30'])).stderr, /nothing to remove/);
  assert.equal((await run('cache', ['cache', 'prune', 'tiny/classifier', '--yes'])).code, 0);
  assert.match((await run('cache', ['cache'])).stderr, /nothing was downloaded/);
});
