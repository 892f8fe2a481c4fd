/**
 * A whole run beside the same run of transformers' Trainer: 601 rows in batches of 5, gradient accumulation 3,
 * two epochs. The last batch and the last accumulation step of an epoch are short, and one text is empty.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Engine } from '#attune/engine/engine.js';
import { onnxEngine } from '#attune/engine/onnx/session.js';
import { referenceEngine } from '#attune/engine/reference/session.js';
import { parseConfig } from '#attune/model/config.js';
import { embeddedModelFolder } from '#attune/model/embedded.js';
import { parameterSpecs } from '#attune/model/parameters.js';
import { Tokenizer } from '#attune/text/tokenizer.js';
import { resolveArguments } from '#attune/train/arguments.js';
import { isEvalRecord, isFinalRecord, isTrainRecord } from '#attune/train/records.js';
import type { LogRecord } from '#attune/train/records.js';
import { Trainer } from '#attune/train/trainer.js';
import type { LabelledRows } from '#attune/train/evaluate.js';
import { openSession } from '../support/engine-sessions.js';
import { fixtureTensors } from '../support/fixture-tensors.js';
import { folder } from '../support/folder.js';
import { assertClose } from '../support/numbers.js';
import { fixture } from './fixtures.js';

interface Golden {
  readonly config: Record<string, unknown>;
  readonly options: Record<string, number>;
  readonly pad_token_id: number;
  readonly max_length: number;
  readonly train_ids: number[][];
  readonly train_labels: number[];
  readonly test_ids: number[][];
  readonly test_labels: number[];
  readonly log_history: LogRecord[];
  readonly test_logits: number[][];
}

const golden = fixture<Golden>('accumulation.json');

const labelled = (ids: readonly number[][], labels: readonly number[]): LabelledRows => ({
  rows: ids.map((row) => ({
    ids: Int32Array.from(row.length > 0 ? row : [golden.pad_token_id]),
    blind: row.length === 0,
  })),
  labels: Int32Array.from(labels),
});

async function run(
  engine: Engine,
  t: Parameters<typeof folder>[0],
): Promise<{ history: readonly LogRecord[]; logits: Float32Array }> {
  const config = parseConfig(golden.config, 'golden');
  const parameters = await fixtureTensors('trainer/accumulation.safetensors');
  const session = await openSession(t, engine, config, { seed: 42, threads: undefined, parameters });
  const trainer = new Trainer({
    session,
    parameters: parameterSpecs(config),
    config,
    tokenizer: await Tokenizer.fromDirectory(embeddedModelFolder()),
    args: resolveArguments({
      ...Object.fromEntries(Object.entries(golden.options)),
      evalStrategy: 'epoch',
      saveStrategy: 'no',
      outputDir: folder(t),
    }),
    maxLength: golden.max_length,
    train: labelled(golden.train_ids, golden.train_labels),
    evaluation: labelled(golden.test_ids, golden.test_labels),
  });
  const output = await trainer.train();
  return { history: output.state.log_history, logits: output.evaluation!.logits };
}

describe('Trainer.train', () => {
  for (const engine of [onnxEngine, referenceEngine]) {
    it(
      `matches every log entry and test logit of transformers (engine: ${engine.name})`,
      { timeout: 1_800_000 },
      async (t) => {
        const { history, logits } = await run(engine, t);
        assert.equal(history.length, golden.log_history.length);
        for (const [i, expected] of golden.log_history.entries()) {
          const actual = history[i];
          assert.deepEqual(Object.keys(actual), Object.keys(expected));
          assert.equal(actual.step, expected.step);
          assertClose([actual.epoch], [expected.epoch], 1e-12, 'epoch');
          if (isTrainRecord(expected) && isTrainRecord(actual)) {
            assertClose([actual.loss], [expected.loss], 1e-4, `loss at step ${expected.step}`);
            assertClose(
              [actual.grad_norm / expected.grad_norm],
              [1],
              1e-3,
              `grad_norm at step ${expected.step}`,
            );
            assertClose([actual.learning_rate], [expected.learning_rate], 1e-12, 'learning rate');
          } else if (isEvalRecord(expected) && isEvalRecord(actual)) {
            assertClose(
              [actual.eval_loss, actual.eval_accuracy!, actual.eval_f1!, actual.eval_auc!],
              [expected.eval_loss, expected.eval_accuracy!, expected.eval_f1!, expected.eval_auc!],
              1e-4,
              'evaluation',
            );
          }
        }
        const [last, expectedLast] = [history.at(-1)!, golden.log_history.at(-1)!];
        assert.ok(isFinalRecord(last) && isFinalRecord(expectedLast));
        assert.equal(last.total_flos, expectedLast.total_flos);
        assertClose([last.train_loss], [expectedLast.train_loss], 1e-4, 'train_loss');
        assertClose(logits, golden.test_logits.flat(), 2e-3, 'test logits');
      },
    );
  }
});
