/** Control characters in data, classes, tensors and arguments do not reach the terminal. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readConfig } from '#attune/model/config.js';
import { parameterSpecs } from '#attune/model/parameters.js';
import { writeSafetensors } from '#attune/model/safetensors-writer.js';
import { writeByteModel } from '../../support/byte-model.js';
import { attune, jsonLines, readJson, toJsonl } from '../../support/cli.js';
import { randomParameters } from '../../support/models.js';
import { workspace } from '../../support/workspace.js';

/**
 * Clears the screen, sets its title, changes the color by C1, reverses the direction of writing, goes to the start
 * of the line.
 */
const CONTROLS = '\u001b[2J\u001b]0;title\u0007\u009b31m\u202e\u2066\r\u007f\u0085';
const GOOD = `good${CONTROLS}`;
const ODD = `odd${CONTROLS}\nname`;
const BAD = `bad${CONTROLS}\nwarning: a line of its own`;

const cwd = workspace(async (dir) => {
  await writeByteModel(join(dir, 'model'));
  const config = await readConfig(join(dir, 'model'));
  const values = randomParameters(config, 5).set(ODD, new Float32Array(1));
  const specs = [
    ...parameterSpecs(config).filter(({ name }) => name !== 'score.weight'),
    { name: ODD, shape: [1] },
  ];
  await writeSafetensors(join(dir, 'model', 'model.safetensors'), specs, (name) => values.get(name)!);
  const rows = Array.from({ length: 24 }, (_, i) => ({
    id: `${i}${CONTROLS}`,
    text: `${i} ${CONTROLS} text`,
    label: i % 2 === 0 ? GOOD : BAD,
  }));
  writeFileSync(join(dir, 'data.jsonl'), toJsonl([...rows, { ...rows[0], label: BAD }]));
  writeFileSync(
    join(dir, 'other.jsonl'),
    toJsonl([
      { text: 'a', label: `neither${CONTROLS}` },
      { text: 'b', label: GOOD },
    ]),
  );
});

const SETTINGS = [
  '--model',
  'model',
  '--dataset',
  'data.jsonl',
  '--test-size',
  '0.25',
  '--max-length',
  '8',
  '--threads',
  '1',
];
const COMMANDS: readonly (readonly [what: string, status: number, ...words: string[]])[] = [
  [
    'attune inspect',
    0,
    'inspect',
    '--model',
    'model',
    '--dataset',
    'data.jsonl',
    '--test-size',
    '0.25',
    '--examples',
    '3',
  ],
  [
    'attune train',
    0,
    'train',
    ...SETTINGS,
    '--output-dir',
    'run',
    '--max-steps',
    '2',
    '--eval-strategy',
    'steps',
    '--eval-steps',
    '1',
  ],
  ['attune evaluate', 0, 'evaluate', '--model', 'run'],
  [
    'attune compare',
    0,
    'compare',
    ...SETTINGS,
    '--output-dir',
    'comparison',
    '--max-steps',
    '1',
    '--threads',
    '1',
  ],
  ['attune predict', 0, 'predict', '--model', 'run', '--text', `a ${CONTROLS}`],
  ['attune evaluate with an unknown label', 1, 'evaluate', '--model', 'run', '--dataset', 'other.jsonl'],
  [
    'attune evaluate with a model that does not exist',
    2,
    'evaluate',
    '--model',
    `absent${CONTROLS}`,
    '--dataset',
    'other.jsonl',
  ],
  ['attune train with an unknown option', 2, 'train', `--unknown${CONTROLS}`],
  ['an unknown command', 2, `tra${CONTROLS}`],
];

describe('control characters of labels, texts, ids, tensors and arguments', () => {
  for (const [what, status, ...words] of COMMANDS) {
    it(`are shown as escapes by ${what}`, async () => {
      const { code, stdout, stderr } = await attune(words, { cwd });
      assert.equal(code, status, JSON.stringify(stderr).slice(0, 500));
      const found = /[^\P{Cc}\n]|\p{Bidi_Control}/u.exec(stderr);
      assert.equal(found, null, JSON.stringify(stderr.slice(found?.index).slice(0, 100)));
      assert.doesNotMatch(stderr, /^warning: a line of its own/m);
      if (words[0] === 'predict')
        assert.ok(
          [GOOD, BAD].includes(String(jsonLines(stdout)[0]['label'])),
          'a program gets the label as it is',
        );
    });
  }

  it('are written to config.json as they are', () => {
    assert.deepEqual(readJson(join(cwd, 'run', 'config.json'))['id2label'], { 0: BAD, 1: GOOD });
  });
});
