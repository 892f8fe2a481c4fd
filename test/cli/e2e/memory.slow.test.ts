/**
 * Trained in any way, a model is evaluated without options: the metrics are those of the training, for three
 * names of the columns, two lengths, two seeds, a test size, an evaluation dataset, the test split of a folder,
 * both orders of the classes and the sample. With CI=true a tenth of them, drawn anew each time.
 */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { writeByteModel } from '../../support/byte-model.js';
import { attune } from '../../support/cli.js';
import { casesFrom, seedFrom } from '../../support/counts.js';
import { Random } from '../../support/random.js';
import { evaluated, TRAININGS, trained, writeTrainingData } from '../../support/trainings.js';
import { workspace } from '../../support/workspace.js';

const cwd = workspace(async (dir) => {
  await writeByteModel(join(dir, 'model'));
  writeTrainingData(dir);
});

describe('attune evaluate with only a model', () => {
  it(
    'gives the metrics of the training, however the model was trained',
    { timeout: 1_800_000 },
    async (t) => {
      const seed = seedFrom();
      const random = new Random(seed);
      const left = [...TRAININGS];
      const count = casesFrom('ATTUNE_TRAININGS', TRAININGS.length);
      t.diagnostic(`seed ${seed}: ${count} of ${TRAININGS.length} trainings`);
      for (let i = 0; i < count; i++) {
        const [training] = left.splice(random.integer(0, left.length - 1), 1);
        const { metrics } = await trained(cwd, training, 'run');
        for (const model of ['run', 'run/checkpoint-2']) {
          for (const dataset of [undefined, training.evaluated])
            assert.deepEqual(
              await evaluated(cwd, model, dataset),
              metrics,
              `${training.name}; ${model}, ${dataset ?? 'no dataset'}; seed ${seed}`,
            );
        }
        rmSync(join(cwd, 'run'), { recursive: true });
      }
    },
  );
});

describe('attune compare with only a fine-tuned model', () => {
  it('gives the metrics of attune evaluate', { timeout: 600_000 }, async () => {
    const training = TRAININGS[0];
    await trained(cwd, training, 'compared');
    const { code, stdout, stderr } = await attune(
      ['compare', '--finetuned', 'compared', '--json', '--threads', '1'],
      { cwd },
    );
    assert.equal(code, 0, stderr);
    const tuned = stdout
      .split('\n')
      .filter((line) => line.includes('"gpt2-finetuned"'))
      .map((line) => JSON.parse(line) as { f1: { value: number } })[0];
    assert.ok(
      Math.abs(tuned.f1.value - ((await evaluated(cwd, 'compared')).f1 as number)) < 1e-12,
      `${tuned.f1.value}`,
    );
  });
});
