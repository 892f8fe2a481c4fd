/** The npm package, installed into an empty project as a user does it. Needs the npm registry. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { jsonLines, ROWS } from '../../support/cli.js';
import { folder } from '../../support/folder.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));

describe('the packed package', () => {
  it('trains, predicts and is imported in an empty project, with its types', (t) => {
    const project = folder(t, {
      'package.json': '{"name": "user", "private": true, "type": "module"}',
      'data.csv': `text,label\n${ROWS.map(({ text, label_text: label }) => `"${text}",${label}`).join('\n')}\n`,
      'use.mjs': [
        "import { TextClassifier } from 'attune';",
        "const c = await TextClassifier.fromPretrained('model');",
        "console.log(JSON.stringify(await c.predict(['a fine day'])));",
        'await c.close();',
        '',
      ].join('\n'),
    });
    const env = { ...process.env, HOME: folder(t), ONNXRUNTIME_NODE_INSTALL: 'skip' };
    const run = (command: string, ...args: string[]): string =>
      execFileSync(command, args, { cwd: project, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    execFileSync('npm', ['pack', '--pack-destination', project], { cwd: root, env, stdio: 'ignore' });
    const tarball = readdirSync(project).find((name) => name.endsWith('.tgz'))!;
    // Most of it is in npm's cache since `npm ci`.
    run('npm', 'install', '--no-audit', '--no-fund', '--prefer-offline', '--fetch-retries=5', `./${tarball}`);
    const records = jsonLines(
      run(
        'npx',
        'attune',
        'train',
        '--dataset',
        'data.csv',
        '--output-dir',
        'model',
        '--max-steps',
        '3',
        '--logging-steps',
        '1',
        '--save-strategy',
        'no',
        '--json',
      ),
    );
    assert.equal(records.filter(({ type }) => type === 'train').length, 3);
    const [predicted] = jsonLines(
      run('npx', 'attune', 'predict', '--model', 'model', '--text', 'a fine day'),
    );
    assert.deepEqual(JSON.parse(run('node', 'use.mjs')), [predicted]);
    writeFileSync(
      join(project, 'types.ts'),
      [
        "import { resolveArguments } from 'attune';",
        'const rate: number = resolveArguments({ learningRate: 1e-3 }).learningRate;',
        'export { rate };',
        '',
      ].join('\n'),
    );
    execFileSync(
      process.execPath,
      [
        join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
        '--noEmit',
        '--strict',
        '--module',
        'nodenext',
        '--target',
        'es2022',
        '--typeRoots',
        join(root, 'node_modules', '@types'),
        '--types',
        'node',
        'types.ts',
      ],
      { cwd: project, stdio: 'inherit' },
    );
  });
});
