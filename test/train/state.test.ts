import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ModelError } from '#attune/errors/attune-error.js';
import type { LogRecord } from '#attune/train/records.js';
import { evalRecord, finalRecord, trainingFlops, trainRecord } from '#attune/train/records.js';
import { controlState, initialState, parseTrainerState, stateToJson } from '#attune/train/state.js';
import { refusal } from '../support/refusal.js';
import { fixture, fixtureText } from './fixtures.js';

const files = ['plain-checkpoint', 'plain-final', 'best-checkpoint', 'best-final'].map(
  (name) => `trainer_state-${name}.json`,
);

interface Golden {
  readonly options: { readonly num_train_epochs: number };
  readonly max_length: number;
  readonly parameters_without_embeddings: number;
  readonly log_history: readonly Readonly<Record<string, number>>[];
}

describe('stateToJson', () => {
  it('reads a state of transformers and writes it back byte for byte', () => {
    for (const file of files) {
      const text = fixtureText(file);
      assert.equal(stateToJson(parseTrainerState(text, file)), text, file);
    }
  });

  it('writes the keys of transformers, and floats as floats', () => {
    const plan = {
      eval_steps: 500,
      logging_steps: 10,
      save_steps: 500,
      max_steps: 750,
      num_train_epochs: 3,
      train_batch_size: 4,
    };
    const state = {
      ...initialState(plan),
      epoch: 1,
      global_step: 250,
      stateful_callbacks: { TrainerControl: controlState(false) },
    };
    const ours = JSON.parse(stateToJson(state)) as Record<string, unknown>;
    const theirs = JSON.parse(fixtureText(files[0])) as Record<string, unknown>;
    assert.deepEqual(Object.keys(ours), Object.keys(theirs));
    assert.deepEqual(
      Object.keys(ours['stateful_callbacks'] as object),
      Object.keys(theirs['stateful_callbacks'] as object),
    );
    const text = stateToJson(state);
    for (const line of ['"epoch": 1.0,', '"global_step": 250,', '"total_flos": 0.0,', '"best_metric": null,'])
      assert.ok(text.includes(line), line);
  });

  it('writes null for an undefined metric', () => {
    const plan = {
      eval_steps: 1,
      logging_steps: 1,
      save_steps: 1,
      max_steps: 1,
      num_train_epochs: 1,
      train_batch_size: 1,
    };
    const record = evalRecord(1, { auc: null }, { seconds: 1, rows: 1, batches: 1 }, { epoch: 1, step: 1 });
    const text = stateToJson({ ...initialState(plan), best_metric: -Infinity, log_history: [record] });
    const state = parseTrainerState(text, 'x');
    assert.equal(state.best_metric, null);
    assert.deepEqual(state.log_history, [record]);
  });
});

describe('parseTrainerState', () => {
  it('refuses a damaged state and names the file and the place', () => {
    const good = fixtureText(files[2]);
    const file = 'run/trainer_state.json';
    const refuses = (text: string, error: (error: unknown) => true): void => {
      assert.notEqual(text, good);
      assert.throws(() => parseTrainerState(text, file), error);
    };
    refuses(
      good.slice(0, 400),
      refusal(ModelError, 'trainer-state-not-json', {
        file,
        line: 17,
        column: 3,
        reason: 'expected a property name in double quotes, found the end of the text',
      }),
    );
    refuses('[]', refusal(ModelError, 'trainer-state-not-object', { file }));
    for (const [from, to, field, expected] of [
      ['"global_step": 10', '"global_step": 10.5', 'global_step', 'a whole number'],
      ['"epoch": 2.5,\n  "eval_steps"', '"epoch": "2.5",\n  "eval_steps"', 'epoch', 'a number'],
      [
        '"early_stopping_patience_counter": 3',
        '"early_stopping_patience_counter": null',
        'stateful_callbacks',
        'an object of callback states',
      ],
      [
        '"loss": 1.121877670288086',
        '"loss": "low"',
        'log_history',
        'a list of records, each with a step and otherwise numbers or nulls',
      ],
      ['"max_steps": 12,', '', 'max_steps', 'a whole number'],
    ] as const)
      refuses(good.replace(from, to), refusal(ModelError, 'trainer-state-field', { file, field, expected }));
  });
});

describe('trainRecord, evalRecord and finalRecord', () => {
  it('have the keys of the Trainer’s log entries in the same order', () => {
    const golden = fixture<Golden>('accumulation.json').log_history;
    const at = { epoch: 1, step: 41 };
    const keys = (record: LogRecord): string[] => Object.keys(record);
    assert.deepEqual(
      keys(trainRecord({ loss: 1, gradNorm: 2, learningRate: 3 }, at)),
      Object.keys(golden[0]),
    );
    assert.deepEqual(
      keys(evalRecord(1, { accuracy: 0.5, f1: 0.5, auc: 0.5 }, { seconds: 1, rows: 23, batches: 3 }, at)),
      Object.keys(golden[41]),
    );
    assert.deepEqual(
      keys(finalRecord({ loss: 1, flops: 2 }, { seconds: 1, samples: 1202, steps: 82 }, at)),
      Object.keys(golden.at(-1)!),
    );
  });

  it('round rates like speed_metrics and omit them for a time of zero', () => {
    const at = { epoch: 1, step: 250 };
    const record = evalRecord(0.5, { auc: NaN }, { seconds: 0.45263, rows: 200, batches: 50 }, at);
    assert.deepEqual(record, {
      eval_loss: 0.5,
      eval_auc: null,
      eval_runtime: 0.4526,
      eval_samples_per_second: 441.862,
      eval_steps_per_second: 110.466,
      ...at,
    });
    assert.deepEqual(finalRecord({ loss: 1, flops: 2 }, { seconds: 0, samples: 1, steps: 1 }, at), {
      train_runtime: 0,
      total_flos: 2,
      train_loss: 1,
      ...at,
    });
  });
});

describe('trainingFlops', () => {
  it('counts the padded input and all parameters except the embeddings', () => {
    const golden = fixture<Golden>('accumulation.json');
    assert.equal(
      trainingFlops(
        601 * golden.options.num_train_epochs * golden.max_length,
        golden.parameters_without_embeddings,
      ),
      golden.log_history.at(-1)!['total_flos'],
    );
    // The reference notebook on gpt2-mini: 13,892,736 parameters less wte [8192, 384] and wpe [256, 384].
    assert.equal(trainingFlops(3 * 1000 * 128, 10_648_704), 24534614016000);
  });
});
