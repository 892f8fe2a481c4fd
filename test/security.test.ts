/**
 * What SECURITY.md promises about the dependencies and about a run. What it promises about the source is held by
 * eslint.config.js.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readConfig } from '#attune/model/config.js';
import { parameterSpecs } from '#attune/model/parameters.js';
import { writeByteModel } from './support/byte-model.js';
import { attune, writeData } from './support/cli.js';
import type { CliResult } from './support/cli.js';
import { folder } from './support/folder.js';
import { printed } from './support/refusal.js';
import { preloaded } from './support/unsettled.js';
import { workspace } from './support/workspace.js';

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

/** Licenses that allow use, change and redistribution with no more than a notice. */
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

describe('package-lock.json', () => {
  it('lists only packages whose license permits use and redistribution', () => {
    assert.ok(installed.length > 0);
    for (const [path, { license = 'none' }] of installed) {
      const words = license.replace(/[()]/g, '').split(/ (?:AND|OR) /);
      const allowed = / OR /.test(license)
        ? words.some((word) => ALLOWED.has(word))
        : words.every((word) => ALLOWED.has(word));
      assert.ok(allowed, `${path}: ${license}`);
    }
  });

  it('takes every package from the npm registry, with its hash', () => {
    for (const [path, { resolved, integrity }] of installed) {
      // If the lock file has no address, npm asks its registry.
      assert.match(resolved ?? 'https://registry.npmjs.org/', /^https:\/\/registry\.npmjs\.org\//, path);
      assert.match(integrity ?? '', /^sha512-/, path);
    }
  });

  it('has no package that needs an install script', () => {
    // onnxruntime-node's would download CUDA libraries, which attune does not use; webgpu brings its libraries
    // in the package and works without its own.
    const scripted = installed.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path);
    assert.deepEqual(scripted.sort(), ['node_modules/onnxruntime-node', 'node_modules/webgpu']);
    assert.match(readFileSync(join(root, '.npmrc'), 'utf8'), /^ignore-scripts=true$/m);
  });
});

describe('package.json', () => {
  it('pins every dependency to one version', () => {
    const { dependencies, devDependencies } = JSON.parse(
      readFileSync(join(root, 'package.json'), 'utf8'),
    ) as Record<string, Record<string, string>>;
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies }))
      assert.match(version, /^\d+\.\d+\.\d+(?:-[\w.]+)?$/, name);
  });
});

describe('docs/third-party.md', () => {
  it('lists every dependency with its license', () => {
    const check = [join(root, 'scripts', 'licences.mjs'), '--check'];
    const { status, stderr } = spawnSync(process.execPath, check, { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  });
});

const TRAIN = ['train', '--model', 'model', '--dataset', 'data', '--output-dir', 'run', '--threads', '1'];
const trainOneStep = (cwd: string, ...more: string[]): Promise<CliResult> =>
  attune([...TRAIN, '--max-steps', '1', ...more], { cwd });

/** Writes every address that the process connects to or looks up into the file `network`. */
const RECORD_CONNECTIONS = `
import dns from 'node:dns';
import { appendFileSync } from 'node:fs';
import net from 'node:net';
import { syncBuiltinESMExports } from 'node:module';
const recorded = (object, name) => {
  const real = object[name];
  object[name] = function (...words) {
    appendFileSync('network', name + ' ' + JSON.stringify(words[0]) + '\\n');
    return Reflect.apply(real, this, words);
  };
};
recorded(net.Socket.prototype, 'connect');
recorded(dns, 'lookup');
syncBuiltinESMExports();`;

describe('attune train and attune predict', () => {
  it('write only into the output folder and open no connection', { timeout: 1_800_000 }, async (t) => {
    const cwd = folder(t);
    for (const name of ['home', 'tmp']) mkdirSync(join(cwd, name));
    await writeByteModel(join(cwd, 'model'));
    writeData(join(cwd, 'data'));
    // With its telemetry on, ONNX Runtime keeps a device id in the home folder and logs in the temporary one.
    const env = {
      ...preloaded(RECORD_CONNECTIONS),
      HF_HUB_OFFLINE: '',
      HOME: join(cwd, 'home'),
      XDG_CACHE_HOME: join(cwd, 'home'),
      TMPDIR: join(cwd, 'tmp'),
      TEMP: join(cwd, 'tmp'),
    };
    const run = await attune([...TRAIN, '--max-steps', '2'], { cwd, env });
    assert.equal(run.code, 0, run.stderr);
    const predicted = await attune(['predict', '--model', 'run', '--text', 'a fine day'], { cwd, env });
    assert.equal(predicted.code, 0, predicted.stderr);
    assert.deepEqual(readdirSync(cwd).sort(), ['data', 'home', 'model', 'run', 'tmp']);
    assert.deepEqual(readdirSync(join(cwd, 'home'), { recursive: true }), []);
    assert.deepEqual(readdirSync(join(cwd, 'tmp'), { recursive: true }), []);
  });
});

describe('model.safetensors.index.json', () => {
  it('is refused if it names a file outside its folder', { timeout: 1_800_000 }, async (t) => {
    const cwd = folder(t);
    await writeByteModel(join(cwd, 'model'));
    await writeByteModel(join(cwd, 'secret'));
    writeData(join(cwd, 'data'));
    rmSync(join(cwd, 'model', 'model.safetensors'));
    const tensors = parameterSpecs(await readConfig(join(cwd, 'model')))
      .map(({ name }) => name)
      .filter((name) => name !== 'score.weight');
    for (const path of [
      '../secret/model.safetensors',
      '..\\secret\\model.safetensors',
      join(cwd, 'secret', 'model.safetensors'),
      'sub/../../secret/model.safetensors',
      'C:\\x.safetensors',
      '..',
      '',
    ]) {
      // All of them, so that the model would load if the path were followed.
      const weightMap = Object.fromEntries(tensors.map((name) => [name, path]));
      writeFileSync(
        join(cwd, 'model', 'model.safetensors.index.json'),
        JSON.stringify({ metadata: {}, weight_map: weightMap }),
      );
      const { code, stderr } = await trainOneStep(cwd);
      assert.equal(code, 1, path);
      const facts = { file: join('model', 'model.safetensors.index.json'), tensor: tensors[0], shard: path };
      assert.ok(stderr.includes(`error: ${printed('shard-name-invalid', facts)}\n`), stderr);
    }
  });
});

/** More levels than any stack has. */
const DEEP = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
/** Where a text with DEEP in it, within so many other levels, reaches level 513. */
function tooDeep(text: string, levels = 1): { line: number; column: number; reason: string } {
  const lines = text.slice(0, text.indexOf(DEEP)).split('\n');
  const column = lines.at(-1)!.length + 513 - levels;
  return { line: lines.length, column, reason: 'nested more than 512 levels deep' };
}
/** Keys that would be a prototype if they were assigned. */
const POLLUTING = '"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}';
/** Fails the process if all objects have got what POLLUTING holds. */
const DETECT_POLLUTION = `process.on('exit', () => {
  if ({}.polluted !== undefined) process.exitCode = 99;
});`;

const cwd = workspace(async (dir) => {
  await writeByteModel(join(dir, 'model'));
  writeData(join(dir, 'data'));
});

for (const file of ['config.json', 'tokenizer_config.json', 'special_tokens_map.json']) {
  describe(`${file} of a model`, { timeout: 1_800_000 }, () => {
    const path = join(cwd, 'model', file);
    let original: string;
    before(() => {
      original = existsSync(path) ? readFileSync(path, 'utf8') : '{}';
    });
    /** Writes the file with more members. */
    const writeWith = (members: string): void => {
      const comma = original.trim() === '{}' ? '' : ',';
      writeFileSync(path, original.replace(/\}\s*$/, `${comma}${members}}`));
    };

    it('is refused if it is nested beyond 512 levels', async () => {
      writeWith(`"odd": ${DEEP}`);
      const { code, stderr } = await trainOneStep(cwd);
      assert.equal(code, 1);
      const expected = printed(file === 'config.json' ? 'config-not-json' : 'model-file-broken-json', {
        file: join('model', file),
        ...tooDeep(readFileSync(path, 'utf8')),
      });
      assert.ok(stderr.includes(`error: ${expected}\n`), stderr);
    });

    it('changes no prototype if it has keys such as "__proto__"', async () => {
      writeWith(POLLUTING);
      const { code, stderr } = await attune([...TRAIN, '--max-steps', '1', '--overwrite-output-dir'], {
        cwd,
        env: preloaded(DETECT_POLLUTION),
      });
      assert.equal(code, 0, stderr);
      rmSync(join(cwd, 'run'), { recursive: true });
      writeFileSync(path, original);
    });
  });
}

describe('attune inspect --dataset', () => {
  for (const [file, contents, broken, levels] of [
    ['deep.json', DEEP, 'json-broken', 0],
    ['deep.jsonl', `{"text": "a", "label": 0, "odd": ${DEEP}}\n`, 'jsonl-broken', 1],
  ] as const) {
    it(`refuses ${file} if it is nested beyond 512 levels`, { timeout: 1_800_000 }, async () => {
      writeFileSync(join(cwd, file), contents);
      const { code, stderr } = await attune(['inspect', '--dataset', file], { cwd });
      assert.equal(code, 1, stderr);
      const expected = printed(broken, { file, ...tooDeep(contents, levels) });
      assert.ok(stderr.includes(`error: ${expected}\n`), stderr);
    });
  }
});

describe('attune train --config', () => {
  it('refuses a file that is nested beyond 512 levels', { timeout: 1_800_000 }, async () => {
    const contents = `{"seed": ${DEEP}}`;
    writeFileSync(join(cwd, 'run.json'), contents);
    const { code, stderr } = await trainOneStep(cwd, '--config', 'run.json');
    assert.equal(code, 2, stderr);
    const expected = printed('config-file-syntax', { file: 'run.json', ...tooDeep(contents) });
    assert.ok(stderr.includes(`error: ${expected}\n`), stderr);
  });

  it('refuses the key "__proto__"', { timeout: 1_800_000 }, async () => {
    writeFileSync(join(cwd, 'proto.json'), '{"__proto__": {"seed": 3}}');
    const { code, stderr } = await trainOneStep(cwd, '--config', 'proto.json');
    assert.equal(code, 2, stderr);
    const facts = { argument: '__proto__', file: 'proto.json', known: [] };
    assert.ok(stderr.includes(`error: ${printed('argument-unknown', facts)}\n`), stderr);
  });
});
