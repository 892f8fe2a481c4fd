/**
 * A model remembers how it was trained: later commands need no options. memory.slow.test.ts has more combinations.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { writeByteModel } from '../../support/byte-model.js';
import { attune, jsonLines, readJson, toJsonl } from '../../support/cli.js';
import { printed, printedWithHint } from '../../support/refusal.js';
import { evaluated, predicted, TRAININGS, trained, writeTrainingData } from '../../support/trainings.js';
import { workspace } from '../../support/workspace.js';

const cwd = workspace(async (dir) => {
  await writeByteModel(join(dir, 'model'));
  writeTrainingData(dir);
});
const at = (...path: string[]): string => join(cwd, ...path);

describe('attune evaluate with only a model', () => {
  let training: Awaited<ReturnType<typeof trained>>;
  before(async () => {
    training = await trained(cwd, TRAININGS[0], 'run');
    mkdirSync(at('elsewhere'));
  });

  it('gives the metrics of the training, of its test rows and with its columns', async () => {
    const { metrics, steps } = training;
    for (const [model, dataset] of [['run'], ['run', 'own.jsonl'], [`run/checkpoint-${steps}`]])
      assert.deepEqual(await evaluated(cwd, model, dataset), metrics, `${model} ${dataset ?? ''}`);
  });

  it('gives the same metrics if it is started in another folder', async () => {
    assert.deepEqual(await evaluated(at('elsewhere'), join('..', 'run')), training.metrics);
  });

  it('evaluates all rows of another file that has the name of the dataset', async () => {
    writeFileSync(
      at('elsewhere', 'own.jsonl'),
      toJsonl([
        { review: 'a', verdict: 'good' },
        { review: 'b', verdict: 'bad' },
      ]),
    );
    const { stdout } = await attune(
      ['evaluate', '--model', join('..', 'run'), '--dataset', 'own.jsonl', '--json'],
      { cwd: at('elsewhere') },
    );
    assert.equal(jsonLines(stdout)[0].rows, 2);
  });

  it('warns of options that differ from those of the training', async () => {
    const { code, stderr } = await attune(
      ['evaluate', '--model', 'run', '--max-length', '5', '--seed', '9'],
      { cwd },
    );
    assert.equal(code, 0, stderr);
    assert.match(stderr, /warning: the maximum length is 5, as given; the model was trained with \d+/);
    assert.match(stderr, /warning: the seed is 9, as given; the model was trained with \d+/);
    assert.match(
      stderr,
      /held out when the model was trained: the test rows of own\.jsonl, by a test size of 0\.25/,
    );
  });

  it('asks for the dataset if the files that remember it are missing', async () => {
    cpSync(at('run'), at('forgotten'), { recursive: true });
    for (const name of ['attune.json', 'attune_model.json', 'training_args.json'])
      rmSync(at('forgotten', name));
    const { code, stderr } = await attune(['evaluate', '--model', 'forgotten'], { cwd });
    assert.equal(code, 2, stderr);
    assert.ok(stderr.includes(printedWithHint('held-out-rows-unknown', {})), stderr);
  });
});

describe('attune_model.json', () => {
  it('holds what later commands need, and tokenizer_config.json holds the maximum length', () => {
    for (const dir of ['run', 'run/checkpoint-2']) {
      const { data, ...memory } = readJson(at(dir, 'attune_model.json'));
      assert.deepEqual(memory, {
        format: 1,
        textColumn: 'review',
        labelColumn: 'verdict',
        seed: 7,
        maxLength: 12,
        labelNames: ['bad', 'good'],
        problemType: 'single_label_classification',
        preprocessing: null,
        template: null,
        thresholds: null,
        temperature: null,
      });
      assert.deepEqual(data, {
        model: 'model',
        dataset: 'own.jsonl',
        cwd: readJson(at('run', 'attune.json'))['cwd'],
        testSize: 0.25,
      });
      assert.equal(readJson(at(dir, 'tokenizer_config.json'))['model_max_length'], 12);
    }
  });
});

describe('attune predict with only a model', () => {
  const LONG = 'a fine day, and what came after it does not count';
  before(() => writeFileSync(at('new.jsonl'), toJsonl([{ review: LONG, text: 'another' }])));

  it('reads the text column of the training, and cuts texts to its maximum length', async () => {
    const [whole] = await predicted(cwd, 'run', ['--input', 'new.jsonl']);
    const [cut] = await predicted(cwd, 'run', ['--text', LONG.slice(0, 12)]);
    assert.equal(whole.text, LONG);
    assert.deepEqual(whole.scores, cut.scores);
  });

  it('warns if another text column is given', async () => {
    const { stdout, stderr } = await attune(
      ['predict', '--model', 'run', '--input', 'new.jsonl', '--text-column', 'text', '--max-length', '3'],
      { cwd },
    );
    assert.equal(jsonLines(stdout)[0].text, 'another');
    assert.match(stderr, /warning: the text column is "text", as given; the model was trained with "review"/);
  });

  it('reads the column "text" if the file does not have that of the training', async () => {
    writeFileSync(at('plain-texts.jsonl'), toJsonl([{ text: 'no review' }]));
    assert.equal((await predicted(cwd, 'run', ['--input', 'plain-texts.jsonl']))[0].text, 'no review');
  });

  it('refuses a CSV file whose columns are separated by semicolons', async () => {
    writeFileSync(at('semicolons.csv'), 'review;verdict\nfine;good\n');
    const { code, stderr } = await attune(['predict', '--model', 'run', '--input', 'semicolons.csv'], {
      cwd,
    });
    assert.equal(code, 1);
    const facts = { file: 'semicolons.csv', line: 1, found: ';', expected: ',' } as const;
    assert.ok(stderr.includes(printed('csv-separator', facts)), stderr);
  });
});
