/** A checkpoint holds all of a session and appears whole or not at all; damage is reported by the file's name. */
import assert from 'node:assert/strict';
import fsPromises from 'node:fs/promises';
import {
  copyFileSync,
  cpSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type { EngineSession } from '#attune/engine/engine.js';
import { referenceEngine } from '#attune/engine/reference/session.js';
import { AttuneError, ModelError, TrainingError } from '#attune/errors/attune-error.js';
import { gpt2Graphs } from '#attune/model/gpt2.js';
import {
  copyTensors,
  listCheckpoints,
  readCheckpoint,
  restore,
  saveCheckpoint,
} from '#attune/train/checkpoint.js';
import type { ResumeState } from '#attune/train/checkpoint.js';
import { initialState } from '#attune/train/state.js';
import type { TrainerState } from '#attune/train/state.js';
import type { TrainerOptions } from '#attune/train/trainer.js';
import { folder, namesIn } from '../support/folder.js';
import { refusal } from '../support/refusal.js';
import { randomParameters, tinyConfig } from '../support/models.js';
import { hashOfCheckpoint } from '#attune/train/checksums.js';
import { OutputFolder } from '#attune/train/output-folder.js';
import { TINY, checkpointPath, tinyTrainer } from '../support/tiny-run.js';

const RESUME: ResumeState = {
  seed: 11,
  rows: 23,
  accumulation: 2,
  passes: 10,
  lossLog: { pending: 1.25, recorded: 0.1 + 0.2, lastStep: 4 },
};
const KINDS = { parameter: 1, moment1: 2, moment2: 3 } as const;

const stateAt = (step: number): TrainerState => ({
  ...initialState({
    eval_steps: 500,
    logging_steps: 2,
    save_steps: 500,
    max_steps: 9,
    num_train_epochs: 3,
    train_batch_size: 4,
  }),
  global_step: step,
  epoch: 1 / 3,
  log_history: [{ loss: 0.1, grad_norm: 1e-7, learning_rate: 1 / 3, epoch: 1 / 3, step }],
});

/** Saves into a folder as a run does, which holds the lock of its folder. */
async function save(
  dir: string,
  ...what: Parameters<typeof saveCheckpoint> extends [unknown, ...infer Rest] ? Rest : never
): Promise<string> {
  const output = await OutputFolder.open(dir);
  try {
    await output.prepare({ mode: 'keep', makes: [] });
    return await saveCheckpoint(output, ...what);
  } finally {
    await output.close();
  }
}

/** A source whose parameters and moments are all different random numbers. */
async function source(t: TestContext, dir: string): Promise<TrainerOptions> {
  const { source: options } = await tinyTrainer(t, { dir, engine: referenceEngine });
  for (const [kind, seed] of Object.entries(KINDS)) {
    for (const [name, values] of randomParameters(TINY, seed))
      await options.session.writeTensor(kind as keyof typeof KINDS, name, values);
  }
  return options;
}

/** A session whose `count`-th read of a tensor fails, as when an engine dies while a checkpoint is written. */
function failingAt(session: EngineSession, count: number): EngineSession {
  let reads = 0;
  return {
    description: session.description,
    infer: (batch) => session.infer(batch),
    step: (request) => session.step(request),
    writeTensor: (kind, name, values) => session.writeTensor(kind, name, values),
    readTensor: (kind, name) =>
      ++reads === count
        ? Promise.reject(new TrainingError('gpu-failed', { reason: 'unplugged' }))
        : session.readTensor(kind, name),
    close: () => session.close(),
  };
}

const unplugged = refusal(TrainingError, 'gpu-failed', { reason: 'unplugged' });

/**
 * Saves a checkpoint, and returns the path of a copy of it together with a function that makes this copy anew,
 * damages it and reads all of it.
 */
async function damageable(
  t: TestContext,
): Promise<{ damaged: string; reading: (damage: () => void) => Promise<void> }> {
  const dir = folder(t);
  const options = await source(t, dir);
  const whole = await save(dir, options, options.args, stateAt(5), RESUME);
  const damaged = join(dir, 'damaged');
  const reading = async (damage: () => void): Promise<void> => {
    rmSync(damaged, { recursive: true, force: true });
    cpSync(whole, damaged, { recursive: true });
    damage();
    await readCheckpoint(damaged);
    await restore(damaged, options);
  };
  await reading(() => undefined);
  return { damaged, reading };
}

describe('saveCheckpoint', () => {
  it('replaces a checkpoint of the same step', async (t) => {
    const dir = folder(t);
    const options = await source(t, dir);
    await save(dir, options, options.args, stateAt(5), RESUME);
    const path = await save(dir, options, options.args, stateAt(5), { ...RESUME, passes: 99 });
    assert.equal((await readCheckpoint(path)).resume?.passes, 99);
    assert.deepEqual(namesIn(dir), ['checkpoint-5']);
  });

  it('leaves nothing new, and all of the old checkpoint, if reading a tensor fails', async (t) => {
    const dir = folder(t);
    const options = await source(t, dir);
    const tensors = options.parameters.length;
    // In the model, between model and optimizer, at the end of the optimizer.
    for (const count of [1, tensors, tensors + 1, 3 * tensors]) {
      await assert.rejects(
        save(
          dir,
          { ...options, session: failingAt(options.session, count) },
          options.args,
          stateAt(5),
          RESUME,
        ),
        unplugged,
      );
      assert.deepEqual(namesIn(dir), []);
    }
    const path = await save(dir, options, options.args, stateAt(5), RESUME);
    const before = readdirSync(path).map((name) => [name, readFileSync(join(path, name))]);
    await assert.rejects(
      save(dir, { ...options, session: failingAt(options.session, 3 * tensors) }, options.args, stateAt(5), {
        ...RESUME,
        passes: 99,
      }),
      unplugged,
    );
    assert.deepEqual(namesIn(dir), ['checkpoint-5']);
    assert.deepEqual(
      readdirSync(path).map((name) => [name, readFileSync(join(path, name))]),
      before,
    );
  });

  it('leaves the old checkpoint in place if the new one cannot be moved there', async (t) => {
    const dir = folder(t);
    const options = await source(t, dir);
    const path = await save(dir, options, options.args, stateAt(5), RESUME);
    const rename = fsPromises.rename.bind(fsPromises);
    const mock = t.mock.method(fsPromises, 'rename', (from: string, to: string) =>
      to === path && !from.includes('replaced')
        ? Promise.reject(new Error('EIO: the disk is gone'))
        : rename(from, to),
    );
    syncBuiltinESMExports();
    try {
      await assert.rejects(
        save(dir, options, options.args, stateAt(5), { ...RESUME, passes: 99 }),
        refusal(AttuneError, 'file-unwritable', { path, reason: 'EIO: the disk is gone' }),
      );
    } finally {
      mock.mock.restore();
      syncBuiltinESMExports();
    }
    assert.deepEqual(namesIn(dir), ['checkpoint-5']);
    assert.equal((await readCheckpoint(path)).resume?.passes, RESUME.passes);
  });
});

describe('copyTensors', () => {
  it('keeps what the session held when it was copied, and returns each tensor once', async (t) => {
    const dir = folder(t);
    const options = await source(t, dir);
    const copy = await copyTensors(options);
    assert.ok(copy);
    for (const [name, values] of randomParameters(TINY, 99))
      await options.session.writeTensor('parameter', name, values);
    const path = await save(dir, { ...options, session: copy }, options.args, stateAt(5), RESUME);
    const session = await referenceEngine.open(gpt2Graphs(TINY), { seed: 0 });
    await restore(path, { ...options, session });
    for (const [name, values] of randomParameters(TINY, KINDS.parameter))
      assert.deepEqual(await session.readTensor('parameter', name), values, name);
    await assert.rejects(copy.readTensor('parameter', options.parameters[0].name), /read twice/);
  });
});

describe('listCheckpoints', () => {
  it('lists checkpoints by ascending step, ignores other names, and accepts a missing folder', async (t) => {
    const dir = folder(t, { 'checkpoint-x': '', 'notes.txt': '' });
    for (const step of [10, 9, 100]) await fsPromises.mkdir(checkpointPath(dir, step));
    await fsPromises.mkdir(join(dir, '.checkpoint-11'));
    assert.deepEqual(await listCheckpoints(dir), ['checkpoint-9', 'checkpoint-10', 'checkpoint-100']);
    assert.deepEqual(await listCheckpoints(join(dir, 'none')), []);
  });
});

describe('readCheckpoint', () => {
  it('refuses a missing or damaged state file and names it', async (t) => {
    const { damaged, reading } = await damageable(t);
    await assert.rejects(
      reading(() => rmSync(join(damaged, 'attune_state.json'))),
      refusal(ModelError, 'checkpoint-unreadable', { file: join(damaged, 'attune_state.json') }),
    );
    for (const text of [
      '{',
      '[]',
      'null',
      '{"seed": 1, "rows": 2, "accumulation": 1, "passes": 3}',
      JSON.stringify({ ...RESUME, accumulation: null }),
    ]) {
      await assert.rejects(
        reading(() => writeFileSync(join(damaged, 'attune_state.json'), text)),
        refusal(ModelError, 'resume-state-damaged', { file: join(damaged, 'attune_state.json') }),
      );
    }
    await assert.rejects(
      reading(() => writeFileSync(join(damaged, 'trainer_state.json'), '{"epoch": 1}')),
      refusal(ModelError, 'trainer-state-field', {
        file: join(damaged, 'trainer_state.json'),
        field: 'best_global_step',
        expected: 'a whole number or null',
      }),
    );
  });
});

describe('restore', () => {
  it('restores parameters, moments and state bit for bit', async (t) => {
    const dir = folder(t);
    const options = await source(t, dir);
    const path = await save(dir, options, options.args, stateAt(5), RESUME);
    assert.equal(path, checkpointPath(dir, 5));
    const { state, resume } = await readCheckpoint(path);
    assert.deepEqual(state, stateAt(5));
    assert.deepEqual(resume, RESUME);
    const session = await referenceEngine.open(gpt2Graphs(TINY), { seed: 0 });
    await restore(path, { ...options, session });
    for (const [kind, seed] of Object.entries(KINDS)) {
      for (const [name, values] of randomParameters(TINY, seed))
        assert.deepEqual(
          await session.readTensor(kind as keyof typeof KINDS, name),
          values,
          `${kind} of ${name}`,
        );
    }
  });

  it('refuses damaged or exchanged tensor files and names them', async (t) => {
    const { damaged, reading } = await damageable(t);
    const [model, optimizer] = ['model.safetensors', 'optimizer.safetensors'].map((name) =>
      join(damaged, name),
    );
    for (const [file, code] of [
      [optimizer, 'safetensors-header-truncated'],
      [model, 'safetensors-tensor-truncated'],
    ] as const)
      await assert.rejects(
        reading(() => truncateSync(file, 3000)),
        refusal(ModelError, code, { file, bytes: 3000 }),
      );
    await assert.rejects(
      reading(() => copyFileSync(model, optimizer)),
      refusal(ModelError, 'tensor-missing', { file: optimizer, tensor: 'exp_avg.transformer.wte.weight' }),
    );
  });

  it('refuses moments of another shape and names the tensor', async (t) => {
    const dir = folder(t);
    const options = await source(t, dir);
    const path = await save(dir, options, options.args, stateAt(5), RESUME);
    const wide = await tinyTrainer(t, { dir: join(dir, 'wide'), engine: referenceEngine });
    const config = tinyConfig({ n_inner: 16 });
    const graphs = gpt2Graphs(config);
    const session = await referenceEngine.open(graphs, { seed: 0 });
    for (const [name, values] of randomParameters(config, 1))
      await session.writeTensor('parameter', name, values);
    const other = await save(
      join(dir, 'wide'),
      { ...wide.source, session, parameters: graphs.parameters, config },
      options.args,
      stateAt(5),
      RESUME,
    );
    copyFileSync(join(other, 'optimizer.safetensors'), join(path, 'optimizer.safetensors'));
    await assert.rejects(
      restore(path, options),
      refusal(ModelError, 'checkpoint-tensor-size', {
        file: join(path, 'optimizer.safetensors'),
        tensor: 'exp_avg.transformer.h.0.mlp.c_fc.weight',
        numbers: 128,
        shape: [8, 32],
      }),
    );
  });
});

describe('hashOfCheckpoint', () => {
  it('ignores files added after the checkpoint was saved, but not changes to saved ones', async (t) => {
    const dir = folder(t);
    const options = await source(t, dir);
    const path = await save(dir, options, options.args, stateAt(5), RESUME);
    const before = await hashOfCheckpoint(path);
    writeFileSync(join(path, 'report.html'), 'page');
    assert.equal(await hashOfCheckpoint(path), before);
    writeFileSync(join(path, 'attune_state.json'), '{}');
    assert.notEqual(await hashOfCheckpoint(path), before);
  });
});
