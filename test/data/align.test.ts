/** Classes of a dataset are matched to those of a model: by name if both have names. */
import assert from 'node:assert/strict';
import type { Notice } from '#attune/errors/notices.js';
import { notice } from '#attune/errors/notices.js';
import { describe, it } from 'node:test';
import { DataError } from '#attune/errors/attune-error.js';
import { alignClasses, alignDataset } from '#attune/data/align.js';
import type { AlignmentUse } from '#attune/data/align.js';
import { Dataset } from '#attune/data/dataset.js';
import { LabelMap } from '#attune/data/labels.js';
import type { ErrorCode, FactsOf } from '#attune/errors/catalogue.js';
import { refusal } from '../support/refusal.js';

/** A label, or a number with the name that the data gives it. */
type Label = number | string | readonly [number, string];

async function aligned(
  labels: readonly Label[],
  names: readonly string[],
  use: AlignmentUse,
): Promise<{
  readonly names: readonly string[];
  readonly labels: readonly number[];
  readonly note: Notice | undefined;
}> {
  const raw = labels.map((given, i) => {
    const [label, labelText] = typeof given === 'object' ? given : [given, undefined];
    return { line: i + 1, text: `${i}`, label, labelText };
  });
  const map = await LabelMap.learn(
    raw,
    'data.jsonl',
    undefined,
    use === 'measure' ? names.length : undefined,
  );
  const dataset = new Dataset('train', 'data.jsonl', await map.encode(raw, 'data.jsonl'), map.names);
  const alignment = alignClasses(map, names, use);
  const moved = alignDataset(dataset, alignment);
  for (const { label, labelText } of moved)
    if (labelText !== undefined) assert.equal(labelText, moved.labelNames[label]);
  return { names: moved.labelNames, labels: moved.rows.map(({ label }) => label), note: alignment.note };
}

const refuses = <Code extends ErrorCode>(
  labels: readonly Label[],
  names: readonly string[],
  use: AlignmentUse,
  code: Code,
  facts: Partial<FactsOf<Code>>,
): Promise<void> => assert.rejects(aligned(labels, names, use), refusal(DataError, code, facts));

describe('alignClasses', () => {
  it('matches equal names in another order by name, for training and for measuring', async () => {
    for (const use of ['train', 'measure'] as const) {
      assert.deepEqual(
        (
          await aligned(
            [
              [0, 'good'],
              [1, 'bad'],
              [0, 'good'],
            ],
            ['bad', 'good'],
            use,
          )
        ).labels,
        [1, 0, 1],
      );
      assert.deepEqual((await aligned(['bad', 'good', 'so'], ['so', 'good', 'bad'], use)).labels, [2, 1, 0]);
      assert.deepEqual(
        (
          await aligned(
            [
              [0, 'good'],
              [1, 'bad'],
            ],
            ['bad', 'good'],
            use,
          )
        ).note,
        notice('classes-taken-by-name', { inData: 0, name: 'good', inModel: 1 }),
      );
      assert.equal(
        (await aligned(['bad', 'good'], ['good', 'bad'], use)).note,
        undefined,
        'names have no numbers of their own',
      );
    }
  });

  it('keeps the names of the model if the data has only numbers', async () => {
    for (const use of ['train', 'measure'] as const)
      assert.deepEqual(await aligned([1, 0], ['bad', 'good'], use), {
        names: ['bad', 'good'],
        labels: [1, 0],
        note: undefined,
      });
  });

  it('gives a model that has only numbers the names of the data, but only for training', async () => {
    assert.deepEqual(await aligned(['b', 'a'], ['LABEL_0', 'LABEL_1'], 'train'), {
      names: ['a', 'b'],
      labels: [1, 0],
      note: undefined,
    });
    assert.deepEqual(
      await aligned(
        [
          [1, 'b'],
          [0, 'a'],
        ],
        ['LABEL_0', 'LABEL_1'],
        'measure',
      ),
      { names: ['LABEL_0', 'LABEL_1'], labels: [1, 0], note: undefined },
    );
    await refuses(['b', 'a'], ['LABEL_0', 'LABEL_1'], 'measure', 'class-unknown-to-model', {
      place: { file: 'data.jsonl', line: 2 },
      name: 'a',
      modelClasses: ['LABEL_0', 'LABEL_1'],
      shared: [],
      use: 'measure',
    });
  });

  it('replaces names that have nothing in common, with a note, but only for training', async () => {
    const { names, note } = await aligned(['happy', 'sad'], ['bad', 'good'], 'train');
    assert.deepEqual(names, ['happy', 'sad']);
    assert.deepEqual(note, notice('classes-renamed', { from: ['bad', 'good'], to: ['happy', 'sad'] }));
    await refuses(['happy', 'sad'], ['bad', 'good'], 'measure', 'class-unknown-to-model', {
      place: { file: 'data.jsonl', line: 1 },
      name: 'happy',
      modelClasses: ['bad', 'good'],
      shared: [],
      use: 'measure',
    });
  });

  it('refuses names that agree only in part', async () => {
    await refuses(['bad', 'great'], ['bad', 'good'], 'train', 'class-unknown-to-model', {
      place: { file: 'data.jsonl', line: 2 },
      name: 'great',
      modelClasses: ['bad', 'good'],
      shared: ['bad'],
      use: 'train',
    });
    await refuses([[0, 'good'], 1], ['bad', 'good'], 'train', 'classes-partly-named', {
      named: ['good'],
      modelClasses: ['bad', 'good'],
    });
  });

  it('accepts rows without some of the classes of the model', async () => {
    assert.deepEqual((await aligned(['good', 'good'], ['bad', 'good', 'so'], 'measure')).labels, [1, 1]);
    assert.deepEqual(
      (
        await aligned(
          [
            [2, 'bad'],
            [0, 'so'],
          ],
          ['bad', 'good', 'so'],
          'measure',
        )
      ).labels,
      [0, 2],
    );
    assert.deepEqual((await aligned([2, 2], ['bad', 'good', 'so'], 'measure')).labels, [2, 2]);
    await refuses([3], ['bad', 'good', 'so'], 'measure', 'label-out-of-range', {
      file: 'data.jsonl',
      line: 1,
      label: 3,
      classes: 3,
    });
    assert.deepEqual((await aligned(['good', 'bad'], ['bad', 'good', 'so'], 'train')).names, [
      'bad',
      'good',
      'so',
    ]);
  });

  it('refuses to train a model on more classes than it has', async () => {
    await refuses([0, 1, 2], ['bad', 'good'], 'train', 'classes-exceed-model', {
      classes: ['LABEL_0', 'LABEL_1', 'LABEL_2'],
      modelClasses: ['bad', 'good'],
      named: [],
      use: 'train',
    });
    await refuses([[1, 'bad'], [0, 'good'], 2], ['bad', 'good'], 'train', 'classes-exceed-model', {
      classes: ['good', 'bad', 'LABEL_2'],
      modelClasses: ['bad', 'good'],
      named: ['good', 'bad'],
      use: 'train',
    });
  });
});
