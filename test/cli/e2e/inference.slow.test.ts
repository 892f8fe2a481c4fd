/** Texts of any length and form, and a model that overflows, through the real command line. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { readConfig } from '#attune/model/config.js';
import { parameterSpecs } from '#attune/model/parameters.js';
import { writeSafetensors } from '#attune/model/safetensors-writer.js';
import { writeByteModel } from '../../support/byte-model.js';
import { attune, jsonLines, toJsonl, writeData, writeTinyModel } from '../../support/cli.js';
import { randomParameters } from '../../support/models.js';
import { printed } from '../../support/refusal.js';
import { workspace } from '../../support/workspace.js';

const cwd = workspace((dir) => writeTinyModel(join(dir, 'run'), {}, true));

describe('attune predict', () => {
  const MILLION = 2 ** 20;
  const PIECES = [
    '🙂',
    'a',
    ' ',
    '0123456789',
    '漢字',
    'مرحبا',
    '\0',
    'e\u0301',
    'unbelievably',
    'a fine day. ',
  ];
  const texts = PIECES.map((piece) => piece.repeat(Math.ceil(MILLION / piece.length)));
  let lines: string;
  before(async () => {
    writeFileSync(join(cwd, 'megabytes.jsonl'), toJsonl(texts.map((text) => ({ text }))));
    const { code, stderr } = await attune(
      ['predict', '--model', 'run', '--input', 'megabytes.jsonl', '--output', 'megabytes.out'],
      { cwd },
    );
    assert.equal(code, 0, stderr);
    lines = readFileSync(join(cwd, 'megabytes.out'), 'utf8');
  });

  it('classifies texts of a million characters from a file', () => {
    assert.deepEqual(
      jsonLines(lines).map(({ text }) => (text === undefined ? 0 : (text as string).length)),
      texts.map(({ length }) => length),
    );
  });

  it('gives the same records for texts of a million characters on stdin', async () => {
    const { code, stdout, stderr } = await attune(['predict', '--model', 'run', '--input', '-'], {
      cwd,
      input: readFileSync(join(cwd, 'megabytes.jsonl'), 'utf8'),
    });
    assert.equal(code, 0, stderr);
    assert.ok(stdout === lines);
  });

  it('gives the same scores for texts of a million characters with --explain', async () => {
    const { code, stdout, stderr } = await attune(
      ['predict', '--model', 'run', '--input', 'megabytes.jsonl', '--explain'],
      { cwd },
    );
    assert.equal(code, 0, stderr);
    assert.deepEqual(
      jsonLines(stdout).map(({ score }) => score),
      jsonLines(lines).map(({ score }) => score),
    );
  });

  it('takes the value of --text as a text, even if it looks like an option', async () => {
    for (const text of ['--learning_rate', '--text', '--version', '--help', '-v', '--']) {
      const { code, stdout, stderr } = await attune(['predict', '--model', 'run', '--text', text], { cwd });
      assert.equal(code, 0, stderr);
      assert.equal(jsonLines(stdout)[0]['text'], text);
    }
  });
});

describe('a model whose logits overflow', () => {
  before(async () => {
    const model = join(cwd, 'overflowing');
    await writeByteModel(model, { id2label: { 0: 'bad', 1: 'good' }, label2id: { bad: 0, good: 1 } });
    const config = await readConfig(model);
    const values = randomParameters(config, 5);
    for (const name of ['transformer.ln_f.weight', 'score.weight']) values.get(name)!.fill(3e38);
    await writeSafetensors(join(model, 'model.safetensors'), parameterSpecs(config), (name) =>
      values.get(name)!,
    );
    writeData(join(cwd, 'data'));
  });

  for (const [name, words] of [
    ['predict', ['predict', '--model', 'overflowing', '--text', 'a']],
    ['predict --explain', ['predict', '--model', 'overflowing', '--text', 'a', '--explain']],
    ['evaluate', ['evaluate', '--model', 'overflowing', '--dataset', 'data', '--json']],
    [
      'compare',
      [
        'compare',
        '--finetuned',
        'overflowing',
        '--model',
        'run',
        '--dataset',
        'data',
        '--output-dir',
        'comparison',
        '--json',
      ],
    ],
  ] as const) {
    it(`makes attune ${name} fail without a result`, async () => {
      const { code, stdout, stderr } = await attune(words, { cwd });
      assert.equal(code, 1, stderr);
      const value = /NaN|-?Infinity/.exec(stderr)?.[0] ?? '';
      const refused = printed('values-not-finite', { output: undefined, value });
      assert.ok(stderr.includes(`error: ${refused}\n`), stderr);
      assert.deepEqual(
        jsonLines(stdout).filter(({ type }) => type !== 'baseline'),
        [],
      );
    });
  }
});
