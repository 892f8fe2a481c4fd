/**
 * Tiny GPT-2s and batches for tests: arbitraries of fast-check, which shrink to the smallest model and batch
 * that fails, and parameters drawn from a seed.
 */
import fc from 'fast-check';
import { packRows } from '#attune/engine/batch.js';
import type { EncodedRow, PackedBatch } from '#attune/engine/batch.js';
import { parseConfig } from '#attune/model/config.js';
import type { Gpt2Config } from '#attune/model/config.js';
import { elementCount, parameterSpecs } from '#attune/model/parameters.js';
import { Random } from './random.js';

/** A GPT-2 of 2 layers, 8 wide, with a vocabulary of 11, whose last id pads. `fields` of config.json override. */
export function tinyConfig(fields: Readonly<Record<string, unknown>> = {}): Gpt2Config {
  return parseConfig(
    {
      model_type: 'gpt2',
      vocab_size: 11,
      n_positions: 9,
      n_embd: 8,
      n_layer: 2,
      n_head: 2,
      num_labels: 3,
      pad_token_id: 10,
      embd_pdrop: 0,
      attn_pdrop: 0,
      resid_pdrop: 0,
      ...fields,
    },
    'tiny config',
  );
}

/**
 * Models of 1 to 3 layers and 1 to 3 heads in every combination of the fields that change the mathematics; no
 * dropout unless asked for.
 */
export function tinyConfigs(options: { readonly dropout?: boolean } = {}): fc.Arbitrary<Gpt2Config> {
  const probability = options.dropout ? fc.constantFrom(0, 0.1, 0.4) : fc.constant(0);
  return (
    fc
      .record({
        n_layer: fc.integer({ min: 1, max: 3 }),
        n_head: fc.integer({ min: 1, max: 3 }),
        headWidth: fc.integer({ min: 1, max: 4 }),
        n_inner: fc.option(fc.integer({ min: 1, max: 13 })),
        num_labels: fc.integer({ min: 2, max: 4 }),
        layer_norm_epsilon: fc.constantFrom(1e-5, 1e-3),
        scale_attn_weights: fc.boolean(),
        scale_attn_by_inverse_layer_idx: fc.boolean(),
        embd_pdrop: probability,
        attn_pdrop: probability,
        resid_pdrop: probability,
      })
      // Layer normalization of a single column is its bias, whatever the input: nothing in front of it would
      // be tested.
      .map(({ headWidth, ...fields }) =>
        tinyConfig({ ...fields, n_embd: fields.n_head * Math.max(headWidth, fields.n_head === 1 ? 2 : 1) }),
      )
  );
}

function deviationOf(name: string, shape: readonly number[]): number {
  const isTable = name.endsWith('wte.weight') || name.endsWith('wpe.weight');
  if (isTable) return 1;
  return shape.length > 1 ? 1 / Math.sqrt(shape[0]) : 0.3;
}

/** Values of every parameter, all of a size that matters to the logits, each exact in float32. */
export function randomParameters(config: Gpt2Config, seed: number): Map<string, Float32Array> {
  const random = new Random(seed);
  return new Map(
    parameterSpecs(config).map(({ name, shape }) => {
      const mean = shape.length === 1 && name.endsWith('.weight') ? 1 : 0;
      const values = random.normals(elementCount(shape), deviationOf(name, shape), mean);
      return [name, Float32Array.from(values)];
    }),
  );
}

export function toFloat64(parameters: ReadonlyMap<string, Float32Array>): Map<string, Float64Array> {
  return new Map(Array.from(parameters, ([name, values]) => [name, Float64Array.from(values)]));
}

/** A fully masked row, as for an empty text: one pad token that attends to nothing. */
export function blindRow(config: Gpt2Config): EncodedRow {
  return { ids: Int32Array.of(config.padTokenId!), blind: true };
}

/** Rows of 1 to nPositions tokens of any id, and fully masked ones. */
export function encodedRows(config: Gpt2Config): fc.Arbitrary<EncodedRow> {
  const ids = fc.array(fc.integer({ min: 0, max: config.vocabSize - 1 }), {
    minLength: 1,
    maxLength: config.nPositions,
  });
  return fc.oneof(
    { weight: 5, arbitrary: ids.map((list) => ({ ids: Int32Array.from(list), blind: false })) },
    { weight: 1, arbitrary: fc.constant(blindRow(config)) },
  );
}

/** Batches of 1 to `maxRows` rows with labels. */
export function packedBatches(config: Gpt2Config, maxRows = 5): fc.Arbitrary<PackedBatch> {
  const row = fc.tuple(encodedRows(config), fc.integer({ min: 0, max: config.labelNames.length - 1 }));
  return fc.array(row, { minLength: 1, maxLength: maxRows }).map((rows) =>
    packRows(
      rows.map(([encoded]) => encoded),
      rows.map(([, label]) => label),
    ),
  );
}

export interface TinyCase {
  readonly config: Gpt2Config;
  readonly batch: PackedBatch;
  /** For randomParameters, and for whatever else the test draws. */
  readonly seed: number;
}

/** A model and a batch for it. */
export function tinyCases(
  options: { readonly dropout?: boolean; readonly maxRows?: number } = {},
): fc.Arbitrary<TinyCase> {
  return tinyConfigs(options).chain((config) =>
    fc.record({
      config: fc.constant(config),
      batch: packedBatches(config, options.maxRows),
      seed: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    }),
  );
}

export { padBatch as paddedTwin } from '#attune/engine/batch.js';
