/**
 * Results go through links and into pipes and devices by the real command line. They are refused if they would
 * overwrite what the command reads.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { writeByteModel } from '../../support/byte-model.js';
import { attune, bin, jsonLines, NO_HUB } from '../../support/cli.js';
import type { CliResult } from '../../support/cli.js';
import { printed } from '../../support/refusal.js';
import { modelAndData } from '../../support/workspace.js';

const cwd = modelAndData(writeByteModel);
const at = (...path: string[]): string => join(cwd, ...path);
const noLinks = process.platform === 'win32' && 'links and pipes are made in another way';

describe('attune predict --output', { skip: noLinks }, () => {
  const predict = (output: string): Promise<CliResult> =>
    attune(['predict', '--model', 'classifier', '--input', 'texts.jsonl', '--output', output], { cwd });
  const textsIn = (lines: string): unknown[] => jsonLines(lines).map(({ text }) => text);
  const TEXTS = ['a fine day', 'a grim day'];

  async function accepted(result: Promise<CliResult>): Promise<void> {
    const { code, stderr } = await result;
    assert.equal(code, 0, stderr);
  }

  before(async () => {
    await accepted(
      attune(
        [
          'train',
          '--model',
          'model',
          '--dataset',
          'data',
          '--max-steps',
          '2',
          '--threads',
          '1',
          '--output-dir',
          'classifier',
          '--save-strategy',
          'no',
        ],
        { cwd },
      ),
    );
    writeFileSync(at('texts.jsonl'), TEXTS.map((text) => `${JSON.stringify({ text })}\n`).join(''));
  });

  it('refuses a file that the command reads, under any name', async () => {
    symlinkSync('texts.jsonl', at('same.jsonl'));
    linkSync(at('texts.jsonl'), at('linked.jsonl'));
    const inputs = (): string[] => [
      readFileSync(at('texts.jsonl'), 'utf8'),
      readFileSync(at('classifier', 'config.json'), 'utf8'),
    ];
    const before = inputs();
    for (const output of ['texts.jsonl', 'same.jsonl', 'linked.jsonl', 'classifier/config.json']) {
      const { code, stdout, stderr } = await predict(output);
      assert.deepEqual([code, stdout], [2, '']);
      assert.ok(stderr.includes(printed('output-file-is-input', { path: output })), stderr);
    }
    assert.deepEqual(inputs(), before);
  });

  it('writes through links, and keeps the mode of a file that exists', async () => {
    mkdirSync(at('elsewhere'));
    writeFileSync(at('elsewhere', 'old.jsonl'), 'old', { mode: 0o640 });
    symlinkSync(join('elsewhere', 'old.jsonl'), at('to-old'));
    symlinkSync(join('elsewhere', 'new.jsonl'), at('to-new'));
    for (const [link, file] of [
      ['to-old', 'elsewhere/old.jsonl'],
      ['to-new', 'elsewhere/new.jsonl'],
    ] as const) {
      await accepted(predict(link));
      assert.equal(readlinkSync(at(link)), file);
      assert.deepEqual(textsIn(readFileSync(at(file), 'utf8')), TEXTS);
    }
    assert.equal(lstatSync(at('elsewhere', 'old.jsonl')).mode & 0o777, 0o640);
    assert.deepEqual(readdirSync(at('elsewhere')).sort(), ['new.jsonl', 'old.jsonl']);
  });

  it('writes to a pipe', async () => {
    spawnSync('mkfifo', [at('pipe')]);
    const reader = spawn('cat', ['pipe'], { cwd });
    let read = '';
    reader.stdout.setEncoding('utf8').on('data', (text: string) => {
      read += text;
    });
    const closed = new Promise((resolve) => reader.on('close', resolve));
    await accepted(predict('pipe'));
    await closed;
    assert.deepEqual(textsIn(read), TEXTS);
    assert.ok(lstatSync(at('pipe')).isFIFO());
  });

  it('writes to /dev/stdout and /dev/null', async () => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [bin, 'predict', '--model', 'classifier', '--text', 'a fine day', '--output', '/dev/stdout'],
      { cwd, encoding: 'utf8', env: { ...process.env, ...NO_HUB } },
    );
    assert.equal(status, 0, stderr);
    assert.deepEqual(textsIn(stdout), ['a fine day']);
    await accepted(predict('/dev/null'));
    assert.ok(lstatSync('/dev/null').isCharacterDevice());
  });
});
