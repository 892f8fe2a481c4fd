import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  AttuneError,
  InterruptedError,
  ModelError,
  TrainingError,
  UsageError,
} from '#attune/errors/attune-error.js';
import type { FactsOf } from '#attune/errors/catalogue.js';
import { onnxEngine } from '#attune/engine/onnx/session.js';
import { embeddedModelFolder } from '#attune/model/embedded.js';
import { gpt2Graphs } from '#attune/model/gpt2.js';
import { fromPretrained } from '#attune/model/pretrained.js';
import { checkpointStep, sortCheckpoints } from '#attune/train/best.js';
import { readCheckpoint } from '#attune/train/checkpoint.js';
import { isEvalRecord, isFinalRecord, isTrainRecord } from '#attune/train/records.js';
import { parseTrainerState } from '#attune/train/state.js';
import { Trainer } from '#attune/train/trainer.js';
import { folder, namesIn } from '../support/folder.js';
import { randomParameters, tinyConfig } from '../support/models.js';
import { refusal } from '../support/refusal.js';
import { checkpointPath, TINY, tinyTrainer } from '../support/tiny-run.js';
import { withoutTimes } from './log-entries.js';
import { CHECKPOINT_FILES } from '../support/folder-contents.js';

/** 23 rows in batches of 4, two per step: 6 batches and 3 steps per epoch, 9 steps in all. */
const STEPS = 9;

describe('Trainer.train', () => {
  it('logs, evaluates and saves when due', async (t) => {
    const dir = folder(t);
    const events: string[] = [];
    const { trainer } = await tinyTrainer(t, {
      dir,
      callbacks: [
        {
          onTrainBegin: (plan, start) => events.push(`begin ${start}/${plan.totalSteps}`),
          onStep: (step) => events.push(`step ${step}`),
          onLog: (record) => {
            if (isTrainRecord(record)) events.push('log');
            else events.push(isEvalRecord(record) ? 'eval' : 'final');
          },
          onSave: (path) => events.push(`save ${path.slice(dir.length + 1)}`),
        },
      ],
    });
    await trainer.train();
    // Checkpoints are written while the next steps run: in order, after their step, before the end.
    const isSave = (event: string): boolean => event.startsWith('save');
    assert.deepEqual(
      events.filter((event) => !isSave(event)),
      [
        `begin 0/${STEPS}`,
        'step 1',
        'step 2',
        'log',
        'step 3',
        'eval',
        'step 4',
        'log',
        'step 5',
        'step 6',
        'log',
        'eval',
        'step 7',
        'step 8',
        'log',
        'step 9',
        'eval',
        'final',
      ],
    );
    assert.deepEqual(events.filter(isSave), ['save checkpoint-3', 'save checkpoint-6', 'save checkpoint-9']);
    for (const step of [3, 6, 9])
      assert.ok(events.indexOf(`save checkpoint-${step}`) > events.indexOf(`step ${step}`));
    assert.equal(events.at(-1), 'final');
    assert.deepEqual(namesIn(dir), ['checkpoint-3', 'checkpoint-6', 'checkpoint-9']);
  });

  it('writes log entries and checkpoints in the form of transformers', async (t) => {
    const dir = folder(t);
    const output = await (await tinyTrainer(t, { dir })).trainer.train();
    const history = output.state.log_history;
    assert.deepEqual(Object.keys(history[0]), ['loss', 'grad_norm', 'learning_rate', 'epoch', 'step']);
    const evaluation = history.find(isEvalRecord)!;
    assert.deepEqual(Object.keys(evaluation), [
      'eval_loss',
      'eval_accuracy',
      'eval_f1',
      'eval_auc',
      'eval_runtime',
      'eval_samples_per_second',
      'eval_steps_per_second',
      'epoch',
      'step',
    ]);
    assert.equal(evaluation.epoch, 1);
    assert.deepEqual(Object.keys(history.at(-1)!), [
      'train_runtime',
      'train_samples_per_second',
      'train_steps_per_second',
      'total_flos',
      'train_loss',
      'epoch',
      'step',
    ]);
    assert.deepEqual(readdirSync(checkpointPath(dir, 9)).sort(), CHECKPOINT_FILES);
    const state = parseTrainerState(
      readFileSync(join(checkpointPath(dir, 9), 'trainer_state.json'), 'utf8'),
      'state',
    );
    assert.equal(state.global_step, STEPS);
    // As in transformers, the final log entry comes after the last checkpoint.
    assert.deepEqual(
      state.log_history,
      history.filter((record) => !isFinalRecord(record)),
    );
  });

  it('ends with the best model and keeps only its checkpoint and the last one', async (t) => {
    const dir = folder(t);
    const { trainer, source } = await tinyTrainer(t, {
      dir,
      // The learning rate is so large that later epochs are worse than an earlier one.
      args: {
        loadBestModelAtEnd: true,
        metricForBestModel: 'loss',
        saveTotalLimit: 2,
        learningRate: 0.3,
        lrSchedulerType: 'constant',
        numTrainEpochs: 4,
        warmupSteps: 0,
      },
    });
    const { state } = await trainer.train();
    const evaluations = state.log_history.filter(isEvalRecord);
    const best = evaluations.reduce((a, b) => (b.eval_loss < a.eval_loss ? b : a));
    assert.notEqual(
      best.step,
      evaluations.at(-1)!.step,
      'the test needs a run whose last epoch is not its best',
    );
    assert.equal(state.best_metric, best.eval_loss);
    assert.equal(state.best_global_step, best.step);
    assert.equal(state.best_model_checkpoint, checkpointPath(dir, best.step));
    assert.equal((await trainer.evaluate()).record.eval_loss, best.eval_loss);
    assert.deepEqual(
      namesIn(dir),
      [checkpointPath(dir, best.step), checkpointPath(dir, 12)]
        .map((path) => path.slice(dir.length + 1))
        .sort(),
    );
    assert.equal(source.session.description.startsWith('CPU'), true);
  });

  it('stops early if the metric does not improve', async (t) => {
    const dir = folder(t);
    const { trainer } = await tinyTrainer(t, {
      dir,
      args: {
        earlyStoppingPatience: 2,
        metricForBestModel: 'accuracy',
        loadBestModelAtEnd: true,
        learningRate: 0,
        numTrainEpochs: 6,
        warmupSteps: 0,
      },
    });
    const output = await trainer.train();
    assert.equal(output.stoppedEarly, true);
    assert.equal(output.state.global_step, 9);
    const { state } = await readCheckpoint(checkpointPath(dir, 9));
    assert.equal(
      state.stateful_callbacks.EarlyStoppingCallback?.attributes.early_stopping_patience_counter,
      2,
    );
  });

  it('evaluates and saves at maxSteps in the middle of an epoch', async (t) => {
    const dir = folder(t);
    const output = await (await tinyTrainer(t, { dir, args: { maxSteps: 4 } })).trainer.train();
    assert.equal(output.stoppedEarly, false);
    assert.deepEqual(namesIn(dir), ['checkpoint-3', 'checkpoint-4']);
    assert.deepEqual(
      output.state.log_history.filter(isEvalRecord).map(({ step }) => step),
      [3, 4],
    );
  });

  it('stops at a loss that is not finite and refers to the last checkpoint', async (t) => {
    const dir = folder(t);
    const { trainer } = await tinyTrainer(t, {
      dir,
      args: {
        learningRate: 1e30,
        warmupSteps: 4,
        maxGradNorm: 0,
        saveStrategy: 'steps',
        saveSteps: 1,
        evalStrategy: 'no',
      },
    });
    await assert.rejects(trainer.train(), (error: TrainingError) => {
      const [last] = sortCheckpoints(namesIn(dir)).slice(-1);
      const checkpoint = join(dir, last);
      const step = checkpointStep(last)! + 1;
      refusal(TrainingError, 'training-diverged', { step, checkpoint })(error);
      assert.ok((error.facts['values'] as string[]).some((value) => !Number.isFinite(Number(value))));
      return true;
    });
    const saved = namesIn(dir);
    assert.ok(saved.length > 0 && saved.every((name) => /^checkpoint-\d+$/.test(name)));
  });

  it('refuses an output folder that is a file or holds other files, before the first step', async (t) => {
    const dir = folder(t, { blocked: 'in the way' });
    let steps = 0;
    const callbacks = [{ onStep: () => void steps++ }];
    const { trainer } = await tinyTrainer(t, { dir: join(dir, 'blocked'), callbacks });
    await assert.rejects(
      trainer.train(),
      refusal(AttuneError, 'output-dir-is-file', { dir: join(dir, 'blocked') }),
    );
    mkdirSync(join(dir, 'mine', 'checkpoint-3'), { recursive: true });
    writeFileSync(join(dir, 'mine', 'checkpoint-3', 'letter.txt'), 'dear');
    const other = await tinyTrainer(t, { dir: join(dir, 'mine'), callbacks });
    await assert.rejects(
      other.trainer.train(),
      refusal(UsageError, 'output-dir-holds-foreign', {
        dir: join(dir, 'mine'),
        foreign: ['checkpoint-3/letter.txt'],
      }),
    );
    assert.equal(steps, 0);
    assert.deepEqual(readdirSync(dir), ['blocked', 'mine']);
    assert.equal(readFileSync(join(dir, 'blocked'), 'utf8'), 'in the way');
    assert.deepEqual(readdirSync(join(dir, 'mine')), ['checkpoint-3']);
    assert.equal(readFileSync(join(dir, 'mine', 'checkpoint-3', 'letter.txt'), 'utf8'), 'dear');
  });

  it('creates its output folder only to save a checkpoint', async (t) => {
    const dir = join(folder(t), 'out');
    const args = { maxSteps: 2, saveStrategy: 'no', evalStrategy: 'no' } as const;
    await (await tinyTrainer(t, { dir, args })).trainer.train();
    assert.ok(!existsSync(dir));
    const abort = new AbortController();
    const { trainer } = await tinyTrainer(t, {
      dir,
      args,
      signal: abort.signal,
      callbacks: [{ onStep: () => abort.abort() }],
    });
    await assert.rejects(
      trainer.train(),
      refusal(InterruptedError, 'run-interrupted', { step: 1, totalSteps: 2 }),
    );
    assert.deepEqual(namesIn(dir), ['checkpoint-1']);
  });

  it('ends if a file appears under the name of a checkpoint, and keeps that file', async (t) => {
    const dir = folder(t);
    const onStep = (step: number): void => {
      if (step === 2) writeFileSync(join(dir, 'checkpoint-3'), 'mine');
    };
    const { trainer } = await tinyTrainer(t, { dir, callbacks: [{ onStep }] });
    await assert.rejects(
      trainer.train(),
      refusal(AttuneError, 'output-file-foreign', { path: join(dir, 'checkpoint-3') }),
    );
    assert.deepEqual(namesIn(dir), ['checkpoint-3']);
    assert.equal(readFileSync(join(dir, 'checkpoint-3'), 'utf8'), 'mine');
  });

  it('keeps a checkpoint beyond saveTotalLimit if it holds other files, and warns', async (t) => {
    const dir = folder(t);
    const warnings: string[] = [];
    const onSave = (saved: string): void => {
      if (saved.endsWith('checkpoint-1')) writeFileSync(join(saved, 'letter.txt'), 'dear');
    };
    const args = {
      maxSteps: 5,
      saveStrategy: 'steps',
      saveSteps: 1,
      saveTotalLimit: 2,
      evalStrategy: 'no',
    } as const;
    const { trainer } = await tinyTrainer(t, {
      dir,
      args,
      callbacks: [{ onSave, onWarning: (message) => void warnings.push(message) }],
    });
    await trainer.train();
    assert.deepEqual(namesIn(dir), ['checkpoint-1', 'checkpoint-4', 'checkpoint-5']);
    assert.equal(readFileSync(join(dir, 'checkpoint-1', 'letter.txt'), 'utf8'), 'dear');
    assert.deepEqual(warnings, [
      `${join(dir, 'checkpoint-1')} is kept: attune did not make ${join(dir, 'checkpoint-1', 'letter.txt')}`,
    ]);
  });
});

describe('Trainer.resumeFrom', () => {
  for (const resumeStep of [3, 6]) {
    it(`resumed at step ${resumeStep} of ${STEPS}, gives the same bits as an uninterrupted run`, async (t) => {
      const [whole, resumed] = [folder(t), folder(t)];
      const first = await tinyTrainer(t, { dir: whole });
      const expected = await first.trainer.train();
      // The session has other weights before, so that all must come from the checkpoint.
      const second = await tinyTrainer(t, { dir: resumed, parameters: randomParameters(TINY, 99) });
      await second.trainer.resumeFrom(checkpointPath(whole, resumeStep));
      const actual = await second.trainer.train();
      assert.deepEqual(withoutTimes(actual.state.log_history), withoutTimes(expected.state.log_history));
      for (const file of ['model.safetensors', 'optimizer.safetensors', 'attune_state.json']) {
        assert.ok(
          readFileSync(join(checkpointPath(resumed, STEPS), file)).equals(
            readFileSync(join(checkpointPath(whole, STEPS), file)),
          ),
          file,
        );
      }
    });
  }

  it('continues an interrupted run, whose error names the checkpoint, to the same result', async (t) => {
    const [whole, dir] = [folder(t), folder(t)];
    const expected = await (await tinyTrainer(t, { dir: whole })).trainer.train();
    const abort = new AbortController();
    const cut = await tinyTrainer(t, {
      dir,
      signal: abort.signal,
      callbacks: [{ onStep: (step) => step === 5 && abort.abort() }],
    });
    await assert.rejects(cut.trainer.train(), (error: InterruptedError) => {
      refusal(InterruptedError, 'run-interrupted', {
        during: 'training',
        step: 5,
        totalSteps: 9,
        checkpoint: checkpointPath(dir, 5),
      })(error);
      assert.equal(error.exitCode, 130);
      return true;
    });
    const again = await tinyTrainer(t, { dir, parameters: randomParameters(TINY, 99) });
    await again.trainer.resumeFrom(checkpointPath(dir, 5));
    const actual = await again.trainer.train();
    assert.deepEqual(withoutTimes(actual.state.log_history), withoutTimes(expected.state.log_history));
    assert.ok(
      readFileSync(join(checkpointPath(dir, STEPS), 'model.safetensors')).equals(
        readFileSync(join(checkpointPath(whole, STEPS), 'model.safetensors')),
      ),
    );
  });

  it('refuses a missing or damaged checkpoint, and one of a run with other arguments or rows', async (t) => {
    const dir = folder(t);
    await (await tinyTrainer(t, { dir })).trainer.train();
    const from = checkpointPath(dir, 3);
    const other = folder(t);
    const otherRun = (
      field: FactsOf<'checkpoint-of-other-run'>['field'],
      then: number,
      now: number,
    ): ReturnType<typeof refusal> =>
      refusal(TrainingError, 'checkpoint-of-other-run', { dir: from, field, then, now });
    const missing = join(dir, 'checkpoint-4');
    await assert.rejects(
      (await tinyTrainer(t, { dir: other, trainRows: 22 })).trainer.resumeFrom(from),
      otherRun('rows', 23, 22),
    );
    await assert.rejects(
      (await tinyTrainer(t, { dir: other, args: { seed: 12 } })).trainer.resumeFrom(from),
      otherRun('seed', 11, 12),
    );
    await assert.rejects(
      (await tinyTrainer(t, { dir: other, args: { perDeviceTrainBatchSize: 2 } })).trainer.resumeFrom(from),
      otherRun('perDeviceTrainBatchSize', 4, 2),
    );
    await assert.rejects(
      (await tinyTrainer(t, { dir: other })).trainer.resumeFrom(missing),
      refusal(ModelError, 'checkpoint-unreadable', { file: join(missing, 'trainer_state.json') }),
    );
    writeFileSync(join(from, 'attune_state.json'), '{"seed": 11}');
    await assert.rejects(
      (await tinyTrainer(t, { dir: other })).trainer.resumeFrom(from),
      refusal(ModelError, 'resume-state-damaged', { file: join(from, 'attune_state.json') }),
    );
  });
});

describe('fromPretrained', () => {
  it('opens a checkpoint as the model that was saved', async (t) => {
    const dir = folder(t);
    const { source } = await tinyTrainer(t, { dir, args: { maxSteps: 3 } });
    const { tokenizer } = source;
    const config = tinyConfig({
      vocab_size: tokenizer.vocabSize,
      pad_token_id: tokenizer.padTokenId,
      embd_pdrop: 0.1,
      resid_pdrop: 0.2,
    });
    const graphs = gpt2Graphs(config);
    const session = await onnxEngine.open(graphs, { seed: 11, threads: 1 });
    t.after(() => session.close());
    for (const [name, values] of randomParameters(config, 3))
      await session.writeTensor('parameter', name, values);
    const trainer = new Trainer({ ...source, session, config, parameters: graphs.parameters });
    await trainer.train();

    const model = await fromPretrained(checkpointPath(dir, 3));
    t.after(() => model.close());
    // As it was parsed; the file has all fields, the configuration of this test only some.
    assert.deepEqual({ ...model.config, fields: {} }, { ...config, fields: {} });
    assert.deepEqual([model.newHead, model.report], [false, undefined]);
    for (const file of ['vocab.json', 'merges.txt'])
      assert.ok(
        readFileSync(join(model.folder, file)).equals(readFileSync(join(embeddedModelFolder(), file))),
        file,
      );
    const text = 'What a fine day, 12 times! \u{1f600}';
    assert.deepEqual(model.tokenizer.encodeIds(text), tokenizer.encodeIds(text));
    assert.equal(model.tokenizer.padTokenId, tokenizer.padTokenId);

    const weights = new Map<string, Float32Array>();
    const writeTensor = (_kind: string, name: string, values: Float32Array): Promise<void> => {
      weights.set(name, values.slice());
      return Promise.resolve();
    };
    await model.writeTo({ writeTensor });
    assert.deepEqual([...weights.keys()].sort(), graphs.parameters.map(({ name }) => name).sort());
    for (const [name, values] of weights) {
      assert.ok(values.every(Number.isFinite), name);
      assert.deepEqual(values, await session.readTensor('parameter', name), name);
    }

    const reopened = await onnxEngine.open(model.graphs, { seed: 0, threads: 1 });
    t.after(() => reopened.close());
    for (const [name, values] of weights) await reopened.writeTensor('parameter', name, values);
    const again = new Trainer({
      ...source,
      session: reopened,
      config: model.config,
      parameters: model.graphs.parameters,
    });
    assert.deepEqual((await again.evaluate()).logits, (await trainer.evaluate()).logits);
  });

  it('refuses a checkpoint whose tokenizer has more tokens than its embedding has rows', async (t) => {
    const dir = folder(t);
    const { source, trainer } = await tinyTrainer(t, { dir });
    await trainer.train();
    // Of the tiny model: the tokenizer has 8192 tokens.
    await assert.rejects(
      fromPretrained(checkpointPath(dir, 9)),
      refusal(ModelError, 'model-vocabulary-exceeds-embedding', {
        folder: checkpointPath(dir, 9),
        tokens: 8192,
        rows: 11,
      }),
    );
    assert.equal((await source.session.readTensor('parameter', 'score.weight')).every(Number.isFinite), true);
  });
});
