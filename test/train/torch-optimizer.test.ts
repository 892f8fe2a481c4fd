/** Runs resumed from a checkpoint of transformers' Trainer, beside the run that the Trainer resumed from it. */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import type { Engine, EngineSession } from '#attune/engine/engine.js';
import { onnxEngine } from '#attune/engine/onnx/session.js';
import { referenceEngine } from '#attune/engine/reference/session.js';
import { ModelError } from '#attune/errors/attune-error.js';
import { readConfig } from '#attune/model/config.js';
import { embeddedModelFolder } from '#attune/model/embedded.js';
import { gpt2Graphs } from '#attune/model/gpt2.js';
import { SafetensorsFile } from '#attune/model/safetensors.js';
import { Tokenizer } from '#attune/text/tokenizer.js';
import { resolveArguments } from '#attune/train/arguments.js';
import type { TrainingArgumentsInput } from '#attune/train/arguments.js';
import { readCheckpoint } from '#attune/train/checkpoint.js';
import { isFinalRecord, isTrainRecord } from '#attune/train/records.js';
import type { LogRecord } from '#attune/train/records.js';
import { parameterGroups } from '#attune/train/parameter-groups.js';
import { restoreTorchOptimizer } from '#attune/train/torch-optimizer.js';
import { Trainer } from '#attune/train/trainer.js';
import { fixtureJson, fixturePath } from '../support/fixtures.js';
import { folder } from '../support/folder.js';
import { assertClose } from '../support/numbers.js';
import { randomParameters } from '../support/models.js';
import { refusal } from '../support/refusal.js';

interface Golden {
  readonly options: Record<string, number>;
  readonly pad_token_id: number;
  readonly max_length: number;
  readonly ids: number[][];
  readonly labels: number[];
  readonly param_groups: string[][];
  readonly log_history: LogRecord[];
}
const golden = fixtureJson('trainer-checkpoint/resumed.json') as Golden;
const CHECKPOINT = fixturePath('trainer-checkpoint/checkpoint-5');
const config = await readConfig(CHECKPOINT);
const graphs = gpt2Graphs(config);
const tokenizer = await Tokenizer.fromDirectory(embeddedModelFolder());

async function prepare(
  t: TestContext,
  engine: Engine,
  dir: string,
  more: TrainingArgumentsInput = {},
): Promise<{ trainer: Trainer; session: EngineSession }> {
  const args = resolveArguments({
    ...(golden.options as TrainingArgumentsInput),
    saveStrategy: 'no',
    outputDir: dir,
    ...more,
  });
  const session = await engine.open(graphs, { seed: args.seed, threads: 1 });
  t.after(() => session.close());
  for (const [name, values] of randomParameters(config, 77))
    await session.writeTensor('parameter', name, values);
  const train = {
    rows: golden.ids.map((ids) => ({ ids: Int32Array.from(ids), blind: false })),
    labels: Int32Array.from(golden.labels),
  };
  return {
    session,
    trainer: new Trainer({
      session,
      parameters: graphs.parameters,
      config,
      tokenizer,
      args,
      maxLength: golden.max_length,
      train,
    }),
  };
}

/** A new folder with this `optimizer.pt`. */
function optimizerIn(t: TestContext, bytes: Uint8Array): string {
  return folder(t, { 'optimizer.pt': bytes });
}

const optimizer = readFileSync(join(CHECKPOINT, 'optimizer.pt'));

/** The tensors that the file in a folder restores, as kind and name with their bytes. */
async function restored(dir: string): Promise<Map<string, Buffer>> {
  const tensors = new Map<string, Buffer>();
  const writeTensor = (kind: string, name: string, values: Float32Array): Promise<void> => {
    tensors.set(`${kind} ${name}`, Buffer.from(values.slice().buffer));
    return Promise.resolve();
  };
  const session = { writeTensor } as unknown as EngineSession;
  assert.equal(await restoreTorchOptimizer(dir, session, graphs.parameters), 5);
  return tensors;
}

/** @returns whether the file was refused; fails if it restores other tensors than the original */
async function isRefused(dir: string, original: ReadonlyMap<string, Buffer>): Promise<boolean> {
  let found: Map<string, Buffer>;
  try {
    found = await restored(dir);
  } catch (error) {
    assert.ok(error instanceof ModelError, error instanceof Error ? error.stack : String(error));
    assert.equal(error.facts['file'], join(dir, 'optimizer.pt'), error.message);
    return true;
  }
  assert.deepEqual(found, original);
  return false;
}

const ignore = { writeTensor: () => Promise.resolve() } as unknown as EngineSession;

describe('parameterGroups', () => {
  it('orders the parameters like the optimizer of the Trainer', () => {
    assert.deepEqual(parameterGroups(graphs.parameters), golden.param_groups);
  });
});

describe('Trainer.resumeFrom with a checkpoint of the Trainer', () => {
  for (const engine of [onnxEngine, referenceEngine]) {
    it(
      `matches the log, weights and moments of the Trainer's resumed run (engine: ${engine.name})`,
      { timeout: 1_800_000 },
      async (t) => {
        const { trainer, session } = await prepare(t, engine, folder(t));
        await trainer.resumeFrom(CHECKPOINT);
        const { state } = await trainer.train();
        assert.equal(state.log_history.length, golden.log_history.length);
        for (const [i, expected] of golden.log_history.entries()) {
          const actual = state.log_history[i];
          assert.equal(actual.step, expected.step);
          if (!isTrainRecord(expected)) continue;
          assert.ok(isTrainRecord(actual));
          assertClose(
            [actual.loss, actual.epoch, actual.learning_rate],
            [expected.loss, expected.epoch, expected.learning_rate],
            1e-5,
            `log entry of step ${expected.step}`,
          );
          assertClose(
            [actual.grad_norm / expected.grad_norm],
            [1],
            1e-4,
            `grad_norm of step ${expected.step}`,
          );
        }
        const [ours, theirs] = [state.log_history.at(-1)!, golden.log_history.at(-1)!];
        assert.ok(isFinalRecord(ours) && isFinalRecord(theirs));
        assertClose([ours.train_loss], [theirs.train_loss], 1e-5, 'train_loss');
        assert.equal(ours.total_flos, theirs.total_flos);
        const last = await SafetensorsFile.open(fixturePath('trainer-checkpoint/resumed.safetensors'));
        t.after(() => last.close());
        for (const { name } of graphs.parameters) {
          for (const [kind, stored] of [
            ['parameter', name],
            ['moment1', `exp_avg.${name}`],
            ['moment2', `exp_avg_sq.${name}`],
          ] as const) {
            // The bias of the keys adds the same to every score of a query, so its gradient is 0 except for
            // rounding errors, which AdamW turns into steps of full size.
            const compared = (values: Float32Array): Float32Array =>
              name.endsWith('c_attn.bias')
                ? values.map((value, j) => (j >= config.nEmbd && j < 2 * config.nEmbd ? 0 : value))
                : values;
            const expected = compared(await last.read(stored));
            const actual = compared(await session.readTensor(kind, name));
            const norm = (values: Float32Array): number => Math.hypot(...values);
            assert.ok(
              norm(actual.map((value, j) => value - expected[j])) <= 2e-4 * norm(expected) + 1e-7,
              `${kind} of ${name}`,
            );
          }
        }
      },
    );
  }

  it('resumes a checkpoint of such a run to the same bits', { timeout: 1_800_000 }, async (t) => {
    for (const withOptimizer of [true, false]) {
      const start = folder(t);
      cpSync(CHECKPOINT, start, { recursive: true });
      if (!withOptimizer) rmSync(join(start, 'optimizer.pt'));
      const whole = folder(t);
      const first = await prepare(t, onnxEngine, whole, { saveStrategy: 'steps', saveSteps: 1 });
      await first.trainer.resumeFrom(start);
      const expected = await first.trainer.train();
      const middle = join(whole, 'checkpoint-8');
      assert.equal((await readCheckpoint(middle)).resume?.updatesBefore, withOptimizer ? undefined : 5);
      const second = await prepare(t, onnxEngine, folder(t));
      await second.trainer.resumeFrom(middle);
      const actual = await second.trainer.train();
      const losses = (records: readonly LogRecord[]): unknown[] =>
        records.filter(isTrainRecord).map(({ loss, grad_norm }) => [loss, grad_norm]);
      assert.deepEqual(losses(actual.state.log_history), losses(expected.state.log_history));
      for (const { name } of graphs.parameters) {
        for (const kind of ['parameter', 'moment1', 'moment2'] as const)
          assert.deepEqual(
            await second.session.readTensor(kind, name),
            await first.session.readTensor(kind, name),
            `${kind} of ${name}`,
          );
      }
    }
  });
});

describe('restoreTorchOptimizer', () => {
  it(
    'refuses a damaged optimizer.pt by name, or restores the same tensors',
    { timeout: 1_800_000 },
    async (t) => {
      const dir = optimizerIn(t, optimizer);
      const original = await restored(dir);
      assert.equal(original.size, 2 * graphs.parameters.length);
      const changed = fc.record({
        at: fc.nat(optimizer.length - 1),
        bit: fc.integer({ min: 0, max: 7 }),
        cut: fc.boolean(),
      });
      let refused = 0;
      await fc.assert(
        fc.asyncProperty(changed, async ({ at, bit, cut }) => {
          const bytes = Buffer.from(cut ? optimizer.subarray(0, at) : optimizer);
          if (!cut) bytes[at] ^= 1 << bit;
          writeFileSync(join(dir, 'optimizer.pt'), bytes);
          // Names, dates and padding between entries may differ; tensors and the pickle are under a CRC.
          if (await isRefused(dir, original)) refused++;
          else assert.ok(!cut || at > optimizer.length - 30, `cut at ${at}`);
        }),
        { numRuns: 150 },
      );
      assert.ok(refused > 50);
    },
  );

  it('refuses an offset beyond the end of the file', async (t) => {
    // The offset of the second end record (zip64).
    const far = Buffer.from(optimizer);
    far[far.length - 22 - 20 + 15] = 0xff;
    const dir = optimizerIn(t, far);
    await assert.rejects(restoreTorchOptimizer(dir, ignore, graphs.parameters), (error) => {
      refusal(ModelError, 'torch-file-damaged', { file: join(dir, 'optimizer.pt') })(error);
      assert.match((error as ModelError).facts['reason'] as string, /\b18374686479671\d+\b/);
      return true;
    });
  });

  it('refuses the optimizer of a model with other shapes and names the parameter', async (t) => {
    const other = gpt2Graphs({ ...config, nInner: 8 });
    const dir = optimizerIn(t, optimizer);
    await assert.rejects(
      restoreTorchOptimizer(dir, ignore, other.parameters),
      refusal(ModelError, 'torch-optimizer-tensor-shape', {
        file: join(dir, 'optimizer.pt'),
        tensor: 'exp_avg',
        index: parameterGroups(other.parameters).flat().indexOf('transformer.h.0.mlp.c_fc.weight'),
        parameter: 'transformer.h.0.mlp.c_fc.weight',
        found: [16, 64],
        expected: [16, 8],
      }),
    );
  });

  it('refuses the optimizer of a model with another number of parameters', async (t) => {
    const dir = optimizerIn(t, optimizer);
    await assert.rejects(
      restoreTorchOptimizer(dir, ignore, graphs.parameters.slice(1)),
      refusal(ModelError, 'torch-optimizer-parameters', {
        file: join(dir, 'optimizer.pt'),
        found: 29,
        expected: 28,
      }),
    );
  });
});
