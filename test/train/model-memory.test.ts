import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ModelError } from '#attune/errors/attune-error.js';
import {
  changesByHand,
  memoryOf,
  memoryToJson,
  MEMORY_FILE,
  readMemory,
} from '#attune/train/model-memory.js';
import { folder } from '../support/folder.js';
import { refusal } from '../support/refusal.js';

const memory = memoryOf({
  model: 'base',
  dataset: 'rows.csv',
  testSize: 0.2,
  textColumn: 'review',
  seed: 7,
  maxLength: 64,
  labelNames: ['bad', 'good'],
});

describe('readMemory', () => {
  it('reads what memoryToJson wrote', async (t) => {
    const dir = folder(t, { [MEMORY_FILE]: memoryToJson(memory) });
    assert.deepEqual(await readMemory(dir), JSON.parse(JSON.stringify({ format: 1, ...memory })));
    assert.equal(memory.labelColumn, 'label');
  });

  it('is undefined for a model trained elsewhere and for a missing folder', async (t) => {
    for (const dir of [
      folder(t),
      folder(t, { 'config.json': '{"id2label": {"0": "a"}}', 'training_args.json': '{}' }),
      join(folder(t), 'none'),
    ])
      assert.equal(await readMemory(dir), undefined);
  });

  it('takes length, seed and classes from the files of an earlier version without a manifest', async (t) => {
    const dir = folder(t, {
      'config.json': '{"id2label": {"0": "bad", "1": "good"}, "n_positions": 128}',
      'training_args.json': '{"max_length": null, "seed": 3}',
    });
    const found = await readMemory(dir);
    assert.deepEqual(
      [found?.data, found?.maxLength, found?.seed, found?.labelNames],
      [null, 128, 3, ['bad', 'good']],
    );
  });

  it('refuses a file that is damaged or of a later version and names it', async (t) => {
    const whole = memoryToJson(memory);
    for (const [text, code, facts] of [
      ['{', 'model-memory-not-json', {}],
      ['[]', 'model-memory-foreign', {}],
      [whole.replace('"format": 1', '"format": 2'), 'model-memory-format', { found: 2, known: 1 }],
      ...[
        '"seed": 7',
        '"maxLength": 64',
        '"textColumn": "review"',
        '"dataset": "rows.csv"',
        '"testSize": 0.2',
      ].map(
        (field) =>
          [whole.replace(field, field.replace(/: .*/, ': [0]')), 'model-memory-damaged', {}] as const,
      ),
      [
        whole.replace('"temperature": null', '"temperature": 2'),
        'model-memory-field-unknown',
        { field: 'temperature' },
      ],
      [
        whole.replace('single_label_classification', 'regression'),
        'model-memory-problem-type',
        { problemType: 'regression' },
      ],
    ] as const) {
      const dir = folder(t, { [MEMORY_FILE]: text });
      await assert.rejects(
        readMemory(dir),
        refusal(ModelError, code, { file: join(dir, MEMORY_FILE), ...facts }),
        text,
      );
    }
  });

  it('refuses a folder in place of the file', async (t) => {
    const dir = folder(t);
    mkdirSync(join(dir, MEMORY_FILE));
    writeFileSync(join(dir, 'config.json'), '{}');
    await assert.rejects(
      readMemory(dir),
      refusal(ModelError, 'model-memory-unreadable', { file: join(dir, MEMORY_FILE) }),
    );
  });
});

describe('changesByHand', () => {
  it('lists each option that differs from the training', () => {
    assert.deepEqual(changesByHand(memory, { textColumn: 'review', maxLength: 64, seed: undefined }), []);
    assert.deepEqual(changesByHand(memory, { labelColumn: 'class', maxLength: 32 }), [
      'the label column is "class", as given; the model was trained with "label"',
      'the maximum length is 32, as given; the model was trained with 64',
    ]);
    assert.deepEqual(changesByHand(undefined, { maxLength: 32 }), []);
  });
});
