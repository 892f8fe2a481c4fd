/**
 * Train one way, and use the model with no flag at all: what it was trained with is remembered. More
 * combinations: memory.slow.test.ts.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { writeByteModel } from '../../support/byte-model.js';
import { attune, jsonLines, readJson, toJsonl } from '../../support/cli.js';
import { evaluated, predicted, TRAININGS, trained, writeTrainingData } from '../../support/trainings.js';
import { workspace } from '../../support/workspace.js';

const cwd = workspace(async (dir) => {
  await writeByteModel(join(dir, 'model'));
  writeTrainingData(dir);
});
const at = (...path: string[]): string => join(cwd, ...path);

describe('evaluate, of a model alone', () => {
  it('gives the figures of the training, with a test size and columns of its own', async () => {
    const { metrics, steps } = await trained(cwd, TRAININGS[0], 'run');
    for (const [model, dataset] of [['run'], ['run', 'own.jsonl'], [`run/checkpoint-${steps}`]])
      assert.deepEqual(await evaluated(cwd, model, dataset), metrics, `${model} ${dataset ?? ''}`);
    mkdirSync(at('elsewhere'));
    assert.deepEqual(await evaluated(at('elsewhere'), join('..', 'run')), metrics, 'from another folder');
    // A file that is only called so is another one, of which nothing was held out.
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

  it('says what is given otherwise by hand', async () => {
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

  it('of a model that nobody remembers asks for the dataset', async () => {
    cpSync(at('run'), at('forgotten'), { recursive: true });
    for (const name of ['attune.json', 'attune_model.json', 'training_args.json'])
      rmSync(at('forgotten', name));
    const { code, stderr } = await attune(['evaluate', '--model', 'forgotten'], { cwd });
    assert.equal(code, 2, stderr);
    assert.match(stderr, /--dataset is missing/);
  });
});

describe('attune_model.json', () => {
  it('holds what later commands need, and tokenizer_config.json the length for transformers', () => {
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

describe('predict', () => {
  it('reads the column and cuts to the length of the training', async () => {
    const long = 'a fine day, and what came after it does not count';
    writeFileSync(at('new.jsonl'), toJsonl([{ review: long, text: 'another' }]));
    const [alone, cut] = [
      await predicted(cwd, 'run', ['--input', 'new.jsonl']),
      await predicted(cwd, 'run', ['--text', long.slice(0, 12)]),
    ];
    assert.equal(alone[0].text, long);
    assert.deepEqual(alone[0].scores, cut[0].scores);
    const other = await attune(
      ['predict', '--model', 'run', '--input', 'new.jsonl', '--text-column', 'text', '--max-length', '3'],
      { cwd },
    );
    assert.equal(jsonLines(other.stdout)[0].text, 'another');
    assert.match(
      other.stderr,
      /warning: the text column is "text", as given; the model was trained with "review"/,
    );
    writeFileSync(at('semicolons.csv'), 'review;verdict\nfine;good\n');
    assert.match(
      (await attune(['predict', '--model', 'run', '--input', 'semicolons.csv'], { cwd })).stderr,
      /semicolons\.csv:1: the columns are parted by ";", not by commas/,
    );
    writeFileSync(at('plain-texts.jsonl'), toJsonl([{ text: 'no review' }]));
    assert.equal((await predicted(cwd, 'run', ['--input', 'plain-texts.jsonl']))[0].text, 'no review');
  });
});
