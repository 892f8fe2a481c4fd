/**
 * Checkpoints and event files are exchanged with Python: transformers and TensorBoard read those of attune, and
 * attune reads those of transformers.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { packRows } from '#attune/engine/batch.js';
import type { EncodedRow } from '#attune/engine/batch.js';
import type { Engine, EngineSession } from '#attune/engine/engine.js';
import { onnxEngine } from '#attune/engine/onnx/session.js';
import { referenceEngine } from '#attune/engine/reference/session.js';
import { readConfig, toJson } from '#attune/model/config.js';
import { gpt2Graphs } from '#attune/model/gpt2.js';
import { parameterSpecs } from '#attune/model/parameters.js';
import { fromPretrained } from '#attune/model/pretrained.js';
import { printStructure } from '#attune/model/structure.js';
import { openWeights } from '#attune/model/weights.js';
import { TensorBoardWriter } from '#attune/report/tensorboard.js';
import { Tokenizer } from '#attune/text/tokenizer.js';
import { saveModel } from '#attune/train/checkpoint.js';
import { folder } from '../support/folder.js';
import { assertClose } from '../support/numbers.js';
import { runPython, skipWithoutPython } from '../support/python.js';

const ENGINES: readonly Engine[] = [referenceEngine, onnxEngine];
const MINI = join(import.meta.dirname, '..', '..', 'models', 'gpt2-mini');
const TEXTS = [
  'A quiet morning, and the tea is still warm.',
  "  it's  15% off?!\n\tNaïve façade — 日本語 🙂🏽",
  'x',
  '',
];

const rowsOf = (ids: readonly (readonly number[])[], pad: number): EncodedRow[] =>
  ids.map((row) => ({ ids: Int32Array.from(row.length > 0 ? row : [pad]), blind: row.length === 0 }));

interface Loaded {
  class: string;
  loading: Record<string, string[]>;
  structure: string;
  id2label: Record<string, string>;
  pad_token_id: number;
  logits: number[][];
  text_ids: number[][];
  pad_token: string;
}

describe('saveModel', () => {
  for (const engine of ENGINES) {
    it(
      `saves a trained classifier that transformers loads with the same logits (${engine.name})`,
      { skip: skipWithoutPython },
      async (t) => {
        const labelNames = ['bad', 'so-so', 'größer'];
        const model = await fromPretrained(MINI, { labelNames, dropout: 0, seed: 42 });
        const session = await engine.open(model.graphs, { seed: 42 });
        t.after(() => session.close());
        await model.writeTo(session);
        const rows = TEXTS.map((text) => model.tokenizer.encode(text));
        // A large step, so that every tensor differs from the one it was loaded from.
        const update = {
          learningRate: 1e-3,
          beta1: 0.9,
          beta2: 0.999,
          epsilon: 1e-8,
          weightDecay: 0.01,
          maxGradNorm: 1,
          step: 1,
        };
        await session.step({
          microBatches: [packRows(rows, [0, 1, 2, 0])],
          lossWeights: [1 / rows.length],
          firstPass: 0,
          update,
        });
        const logits = await session.infer(packRows(rows));

        const dir = folder(t);
        await saveModel(dir, {
          session,
          parameters: model.graphs.parameters,
          config: model.config,
          tokenizer: model.tokenizer,
        });
        const request = join(folder(t), 'request.json');
        writeFileSync(
          request,
          JSON.stringify({ ids: rows.map(({ ids, blind }) => (blind ? [] : [...ids])), texts: TEXTS }),
        );
        const loaded = (await runPython('load_checkpoint.py', dir, request)) as Loaded;

        assert.equal(loaded.class, 'GPT2ForSequenceClassification');
        assert.deepEqual(loaded.loading, { missing_keys: [], unexpected_keys: [], mismatched_keys: [] });
        assert.deepEqual(loaded.id2label, { ...labelNames });
        assert.equal(loaded.pad_token_id, model.tokenizer.padTokenId);
        assert.equal(loaded.structure, printStructure(model.config));
        assertClose(logits, loaded.logits.flat(), 1e-5, 'logit');
        assert.deepEqual(
          loaded.text_ids,
          TEXTS.map((text) => [...model.tokenizer.encodeIds(text)]),
        );
        assert.deepEqual([...model.tokenizer.encodeIds(loaded.pad_token)], [model.tokenizer.padTokenId]);
      },
    );
  }
});

interface Saved {
  ids: number[][];
  pad: number;
  logits: number[][];
  structure: string;
  text_ids: number[][] | null;
}

const SAVED: readonly (readonly [name: string, args: readonly string[]])[] = [
  ['float32', []],
  ['float32 in shards', ['--max-shard-size', '20KB']],
  ['float16', ['--dtype', 'float16']],
  ['bfloat16', ['--dtype', 'bfloat16']],
  ['bfloat16 in shards', ['--dtype', 'bfloat16', '--max-shard-size', '20KB']],
  [
    'a narrow MLP and another name for the activation',
    ['--config', '{"n_inner": 7, "activation_function": "gelu_pytorch_tanh"}'],
  ],
  [
    'attention scores scaled by layer and not by width',
    ['--config', '{"scale_attn_weights": false, "scale_attn_by_inverse_layer_idx": true}'],
  ],
  [
    'a large epsilon and two labels',
    ['--config', '{"layer_norm_epsilon": 0.1, "num_labels": 2, "reorder_and_upcast_attn": true}'],
  ],
];

describe('openWeights', () => {
  for (const [name, args] of SAVED) {
    it(
      `loads a classifier saved by transformers with the same logits: ${name}`,
      { skip: skipWithoutPython },
      async (t) => {
        const dir = folder(t);
        const saved = (await runPython('save_checkpoint.py', dir, ...args)) as Saved;
        const config = await readConfig(dir);
        assert.equal(printStructure(config), saved.structure);
        const rows = rowsOf(saved.ids, saved.pad);
        for (const engine of ENGINES) {
          const session = await engine.open(gpt2Graphs(config), { seed: 0 });
          t.after(() => session.close());
          await writeWeights(session, dir);
          assertClose(
            await session.infer(packRows(rows)),
            saved.logits.flat(),
            1e-5,
            `logit of ${engine.name}`,
          );
        }
      },
    );
  }
});

async function writeWeights(session: EngineSession, dir: string): Promise<void> {
  const config = await readConfig(dir);
  const weights = await openWeights(dir, config);
  assert.deepEqual([weights.missing, weights.unexpected], [[], []]);
  for (const { name } of parameterSpecs(config))
    await session.writeTensor('parameter', name, await weights.read(name));
  await weights.close();
}

describe('Tokenizer.fromDirectory', () => {
  it(
    'gives the same ids as transformers for a tokenizer saved by it',
    { skip: skipWithoutPython },
    async (t) => {
      const dir = folder(t);
      const saved = (await runPython(
        'save_checkpoint.py',
        dir,
        '--tokenizer',
        MINI,
        '--texts',
        JSON.stringify(TEXTS),
      )) as Saved;
      const tokenizer = await Tokenizer.fromDirectory(dir);
      assert.deepEqual(
        TEXTS.map((text) => [...tokenizer.encodeIds(text)]),
        saved.text_ids,
      );
      assert.equal(tokenizer.padTokenId, saved.pad);
    },
  );
});

describe('toJson', () => {
  it('writes config.json byte for byte as transformers does', { skip: skipWithoutPython }, async (t) => {
    const dir = folder(t);
    await runPython('save_checkpoint.py', dir);
    const text = readFileSync(join(dir, 'config.json'), 'utf8');
    assert.equal(toJson(await readConfig(dir)), text);
  });
});

describe('TensorBoardWriter', () => {
  it(
    "writes event files in which TensorBoard's own reader finds every value",
    { skip: skipWithoutPython },
    async (t) => {
      const dir = folder(t);
      const writer = new TensorBoardWriter(dir);
      writer.text('args', '{"seed": 42} größer');
      writer.log({ loss: 1.25, grad_norm: 26.5, learning_rate: 9e-7, epoch: 0.04, step: 10 });
      writer.log({ eval_loss: 0.5, eval_auc: null, eval_f1: 0.75, epoch: 1, step: 250 });
      writer.close();
      const events = (await runPython('read_events.py', dir)) as {
        missing?: string;
        scalars: Record<string, [number, number][]>;
        texts: Record<string, [number, string][]>;
      };
      if (events.missing !== undefined) {
        console.error(
          `SKIPPED: reading event files with TensorBoard, which this Python lacks (${events.missing})`,
        );
        t.skip(events.missing);
        return;
      }
      assert.deepEqual(events.scalars, {
        'train/loss': [[10, 1.25]],
        'train/grad_norm': [[10, 26.5]],
        'train/learning_rate': [[10, Math.fround(9e-7)]],
        'train/epoch': [
          [10, Math.fround(0.04)],
          [250, 1],
        ],
        'eval/loss': [[250, 0.5]],
        'eval/f1': [[250, 0.75]],
      });
      assert.deepEqual(events.texts, { 'args/text_summary': [[0, '{"seed": 42} größer']] });
    },
  );
});
