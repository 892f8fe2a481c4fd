/** Texts of any length through the real command line. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readConfig } from '#attune/model/config.js';
import { parameterSpecs } from '#attune/model/parameters.js';
import { writeSafetensors } from '#attune/model/safetensors-writer.js';
import { writeByteModel } from '../../support/byte-model.js';
import { attune, jsonLines, writeData, writeTinyModel } from '../../support/cli.js';
import { randomParameters } from '../../support/models.js';
import { workspace } from '../../support/workspace.js';

const cwd = workspace((dir) => writeTinyModel(join(dir, 'run'), {}, true));

test('texts of a megabyte on one line are classified, from a file, from stdin and with an explanation', async () => {
  const million = 2 ** 20;
  const texts = [
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
  ].map((piece) => piece.repeat(Math.ceil(million / piece.length)));
  writeFileSync(join(cwd, 'megabytes.jsonl'), texts.map((text) => `${JSON.stringify({ text })}\n`).join(''));
  const file = await attune(
    ['predict', '--model', 'run', '--input', 'megabytes.jsonl', '--output', 'megabytes.out'],
    { cwd },
  );
  assert.equal(file.code, 0, file.stderr);
  const lines = readFileSync(join(cwd, 'megabytes.out'), 'utf8');
  assert.deepEqual(
    jsonLines(lines).map(({ text }) => (text === undefined ? 0 : (text as string).length)),
    texts.map(({ length }) => length),
  );
  const stdin = await attune(['predict', '--model', 'run', '--input', '-'], {
    cwd,
    input: readFileSync(join(cwd, 'megabytes.jsonl'), 'utf8'),
  });
  assert.equal(stdin.code, 0, stdin.stderr);
  assert.ok(stdin.stdout === lines);
  const explained = await attune(['predict', '--model', 'run', '--input', 'megabytes.jsonl', '--explain'], {
    cwd,
  });
  assert.equal(explained.code, 0, explained.stderr);
  assert.deepEqual(
    jsonLines(explained.stdout).map(({ score }) => score),
    jsonLines(lines).map(({ score }) => score),
  );
});

test('a model whose logits overflow makes every command that uses it fail, without a result', async () => {
  const model = join(cwd, 'overflowing');
  await writeByteModel(model, { id2label: { 0: 'bad', 1: 'good' }, label2id: { bad: 0, good: 1 } });
  const config = await readConfig(model);
  const values = randomParameters(config, 5);
  for (const name of ['transformer.ln_f.weight', 'score.weight']) values.get(name)!.fill(3e38);
  await writeSafetensors(join(model, 'model.safetensors'), parameterSpecs(config), (name) =>
    values.get(name)!,
  );
  writeData(join(cwd, 'data'));
  const commands = [
    ['predict', '--model', 'overflowing', '--text', 'a'],
    ['predict', '--model', 'overflowing', '--text', 'a', '--explain'],
    ['evaluate', '--model', 'overflowing', '--dataset', 'data', '--json'],
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
  ];
  for (const words of commands) {
    const { code, stdout, stderr } = await attune(words, { cwd });
    assert.equal(code, 1, `${words[0]}: ${stderr}`);
    assert.match(
      stderr,
      /error: the model’s logits are not finite \((?:NaN|-?Infinity)\): its weights overflow/,
    );
    assert.deepEqual(
      jsonLines(stdout).filter(({ type }) => type !== 'baseline'),
      [],
      words[0],
    );
  }
});

test('a text that looks like an option is a text', async () => {
  for (const text of ['--learning_rate', '--text', '--version', '--help', '-v', '--']) {
    const { code, stdout, stderr } = await attune(['predict', '--model', 'run', '--text', text], { cwd });
    assert.equal(code, 0, stderr);
    assert.equal(jsonLines(stdout)[0]['text'], text);
  }
});
