/** What SECURITY.md promises of the dependencies and of a run; eslint.config.js has what it promises of the source. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { writeByteModel } from './support/byte-model.js';
import { attune, writeData } from './support/cli.js';

const root = fileURLToPath(new URL('..', import.meta.url));
interface LockedPackage {
  readonly version: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
  readonly resolved?: string;
  readonly integrity?: string;
}
const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  readonly packages: Readonly<Record<string, LockedPackage>>;
};
const installed = Object.entries(lock.packages).filter(([path, { dev }]) => path !== '' && dev !== true);

/** Licences that allow use, change and redistribution with no more than a notice. */
const ALLOWED = new Set([
  'MIT',
  'ISC',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'CC0-1.0',
  'BlueOak-1.0.0',
  'Unlicense',
]);

test('every dependency has a licence that allows this use, and is listed', () => {
  for (const [path, { license = 'none' }] of installed) {
    const words = license.replace(/[()]/g, '').split(/ (?:AND|OR) /);
    const allowed = / OR /.test(license)
      ? words.some((word) => ALLOWED.has(word))
      : words.every((word) => ALLOWED.has(word));
    assert.ok(allowed, `${path}: ${license}`);
  }
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts', 'licences.mjs'), '--check'], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
});

test('dependencies are pinned, checked by hash, come from the registry, and need no install script', () => {
  const { dependencies, devDependencies } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  ) as Record<string, Record<string, string>>;
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies }))
    assert.match(version, /^\d+\.\d+\.\d+(?:-[\w.]+)?$/, name);
  for (const [path, { resolved, integrity }] of installed) {
    // Where the lock file says nothing, npm asks its registry.
    assert.match(resolved ?? 'https://registry.npmjs.org/', /^https:\/\/registry\.npmjs\.org\//, path);
    assert.match(integrity ?? '', /^sha512-/, path);
  }
  // onnxruntime-node's would download CUDA libraries, which attune does not use; webgpu brings its libraries
  // in the package and works without its own.
  const scripted = installed.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path);
  assert.deepEqual(scripted.sort(), ['node_modules/onnxruntime-node', 'node_modules/webgpu']);
  assert.match(readFileSync(join(root, '.npmrc'), 'utf8'), /^ignore-scripts=true$/m);
});

test(
  'a run writes into its output folder and nowhere else, and reports to nobody',
  { timeout: 1_800_000 },
  async (t) => {
    const cwd = mkdtempSync(join(tmpdir(), 'attune-security-'));
    t.after(() => rmSync(cwd, { recursive: true, force: true }));
    for (const name of ['home', 'tmp']) mkdirSync(join(cwd, name));
    await writeByteModel(join(cwd, 'model'));
    writeData(join(cwd, 'data'));
    // ONNX Runtime keeps a device id in the home folder and logs in the temporary one where its telemetry is
    // on.
    const env = {
      HOME: join(cwd, 'home'),
      XDG_CACHE_HOME: join(cwd, 'home'),
      TMPDIR: join(cwd, 'tmp'),
      TEMP: join(cwd, 'tmp'),
    };
    const run = await attune(
      [
        'train',
        '--model',
        'model',
        '--dataset',
        'data',
        '--output-dir',
        'run',
        '--max-steps',
        '2',
        '--threads',
        '1',
      ],
      { cwd, env },
    );
    assert.equal(run.code, 0, run.stderr);
    const predicted = await attune(['predict', '--model', 'run', '--text', 'a fine day'], { cwd, env });
    assert.equal(predicted.code, 0, predicted.stderr);
    assert.deepEqual(readdirSync(cwd).sort(), ['data', 'home', 'model', 'run', 'tmp']);
    assert.deepEqual(readdirSync(join(cwd, 'home'), { recursive: true }), []);
    assert.deepEqual(readdirSync(join(cwd, 'tmp'), { recursive: true }), []);
  },
);

test(
  'paths in a model’s or checkpoint’s own files do not lead out of its folder',
  { timeout: 1_800_000 },
  async (t) => {
    const cwd = mkdtempSync(join(tmpdir(), 'attune-security-'));
    t.after(() => rmSync(cwd, { recursive: true, force: true }));
    await writeByteModel(join(cwd, 'model'));
    await writeByteModel(join(cwd, 'secret'));
    writeData(join(cwd, 'data'));
    rmSync(join(cwd, 'model', 'model.safetensors'));
    const train = [
      'train',
      '--model',
      'model',
      '--dataset',
      'data',
      '--output-dir',
      'run',
      '--max-steps',
      '1',
      '--threads',
      '1',
    ];
    for (const path of [
      '../secret/model.safetensors',
      '..\\secret\\model.safetensors',
      join(cwd, 'secret', 'model.safetensors'),
      'sub/../../secret/model.safetensors',
      'C:\\x.safetensors',
      '..',
      '',
    ]) {
      writeFileSync(
        join(cwd, 'model', 'model.safetensors.index.json'),
        JSON.stringify({ metadata: {}, weight_map: { 'transformer.wte.weight': path } }),
      );
      const { code, stderr } = await attune(train, { cwd });
      assert.equal(code, 1, path);
      assert.match(stderr, /error: .*model\.safetensors\.index\.json/, path);
    }
  },
);

test(
  'JSON nested beyond any stack is refused wherever it is read, and names that are JavaScript’s own are names',
  { timeout: 1_800_000 },
  async (t) => {
    const cwd = mkdtempSync(join(tmpdir(), 'attune-security-'));
    t.after(() => rmSync(cwd, { recursive: true, force: true }));
    await writeByteModel(join(cwd, 'model'));
    writeData(join(cwd, 'data'));
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    const train = [
      'train',
      '--model',
      'model',
      '--dataset',
      'data',
      '--output-dir',
      'run',
      '--max-steps',
      '1',
      '--threads',
      '1',
    ];
    for (const [file, more] of [
      ['config.json', []],
      ['tokenizer_config.json', []],
      ['special_tokens_map.json', []],
    ] as const) {
      const path = join(cwd, 'model', file);
      const before = existsSync(path) ? readFileSync(path, 'utf8') : '{}';
      writeFileSync(path, before.replace(/\}\s*$/, `${before.trim() === '{}' ? '' : ','}"odd": ${deep}}`));
      const { code, stderr } = await attune([...train, ...more], { cwd });
      assert.equal(code, 1, file);
      assert.match(stderr, new RegExp(`^error: model.${file}.*nested more than 512 levels deep`, 'm'));
      // And beside it a key that would be a prototype if it were assigned.
      const polluting = '"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}';
      const comma = before.trim() === '{}' ? '' : ',';
      writeFileSync(path, before.replace(/\}\s*$/, `${comma}${polluting}}`));
      const odd = await attune([...train, '--overwrite-output-dir'], { cwd });
      assert.equal(odd.code, 0, odd.stderr);
      rmSync(join(cwd, 'run'), { recursive: true });
      writeFileSync(path, before);
    }
    writeFileSync(join(cwd, 'deep.json'), deep);
    writeFileSync(join(cwd, 'deep.jsonl'), `{"text": "a", "label": 0, "odd": ${deep}}\n`);
    writeFileSync(join(cwd, 'run.json'), `{"seed": ${deep}}`);
    writeFileSync(join(cwd, 'proto.json'), '{"__proto__": {"seed": 3}}');
    for (const [words, status] of [
      [['inspect', '--dataset', 'deep.json'], 1],
      [['inspect', '--dataset', 'deep.jsonl'], 1],
      [[...train, '--config', 'run.json'], 2],
    ] as const) {
      const { code, stderr } = await attune(words, { cwd });
      assert.equal(code, status, stderr);
      assert.match(stderr, /^error: \S+:1.*nested more than 512 levels deep/m);
    }
    const proto = await attune([...train, '--config', 'proto.json'], { cwd });
    assert.deepEqual(
      [proto.code, /"__proto__" is not an argument/.test(proto.stderr)],
      [2, true],
      proto.stderr,
    );
  },
);
