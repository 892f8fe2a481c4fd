/** The weights of a model folder, checked against its config and given under the names of parameters.ts. */
import type { EngineSession } from '../engine/engine.js';
import { ModelError } from '../errors/attune-error.js';
import type { Gpt2Config } from './config.js';
import { FLOAT_BYTES, isFloatType } from './float-formats.js';
import { parameterSpecs } from './parameters.js';
import type { TensorPiece } from './safetensors.js';
import type { ParameterSpec } from './parameters.js';
import { WeightFiles } from './weight-files.js';

const HEAD = 'score.weight';
/** A bare GPT2Model, as the Hub's gpt2, leaves it out. */
const PREFIX = 'transformer.';
/**
 * The causal mask, which old versions saved with each layer, and the language model's head, which is wte
 * again.
 */
const NOT_OURS = /(?:^|\.)attn\.(?:bias|masked_bias)$|^lm_head\.weight$/;

export interface Weights {
  /**
   * The numbers of a parameter, row-major in its shape.
   *
   * @throws ModelError if one of them is NaN or infinite, naming its index
   */
  read(parameter: string): Promise<Float32Array>;
  /**
   * The same piece by piece, so that no tensor is in memory as a whole. The `values` of a piece are
   * overwritten by the next.
   */
  pieces(parameter: string): AsyncGenerator<TensorPiece>;
  /**
   * ['score.weight'] where the folder has no classification head, which must then be drawn (head.ts); else
   * [].
   */
  readonly missing: readonly string[];
  /** Tensors that are neither parameters nor known leftovers; they are not read. */
  readonly unexpected: readonly string[];
  /** Closes the files. */
  close(): Promise<void>;
}

/**
 * Opens the weights of `dir`: F32, F16, BF16 or F64, one file or shards, with or without the prefix
 * `transformer.`. Nothing but headers is read until `read` is called.
 *
 * @throws ModelError `weights-*`, `shard-*`, `safetensors-*`, `tensor-type-unsupported`
 */
export async function openWeights(dir: string, config: Gpt2Config): Promise<Weights> {
  const files = await WeightFiles.open(dir);
  try {
    const specs = parameterSpecs(config);
    const stored = storedNames(files, specs, dir);
    for (const spec of specs) requireShape(files, spec, stored.get(spec.name), config);

    const used = new Set(stored.values());
    const storedName = (parameter: string): string => {
      const name = stored.get(parameter);
      if (name === undefined) throw new RangeError(`the weights hold no ${parameter}`);
      return name;
    };
    return {
      missing: stored.has(HEAD) ? [] : [HEAD],
      unexpected: files.names.filter((name) => !used.has(name) && !NOT_OURS.test(name)).sort(),
      read: async (parameter) => {
        const name = storedName(parameter);
        const values = await files.read(name);
        requireFinite({ offset: 0, values }, name, files);
        return values;
      },
      pieces: async function* (parameter) {
        const name = storedName(parameter);
        for await (const piece of files.pieces(name)) {
          requireFinite(piece, name, files);
          yield piece;
        }
      },
      close: () => files.close(),
    };
  } catch (error) {
    await files.close();
    throw error;
  }
}

/**
 * Writes a parameter into a session, piece by piece.
 *
 * @throws the signal's reason if it is aborted
 */
export async function writeParameter(
  session: Pick<EngineSession, 'writeTensor'>,
  weights: Pick<Weights, 'pieces'>,
  name: string,
  signal?: AbortSignal,
): Promise<void> {
  for await (const { offset, values } of weights.pieces(name)) {
    signal?.throwIfAborted();
    await session.writeTensor('parameter', name, values, offset);
  }
}

/** The name in the files of each parameter that they hold. */
function storedNames(files: WeightFiles, specs: readonly ParameterSpec[], dir: string): Map<string, string> {
  const names = new Set(files.names);
  const stored = new Map<string, string>();
  const absent: string[] = [];
  for (const { name } of specs) {
    const bare = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name;
    if (bare !== name && names.has(name) && names.has(bare))
      throw new ModelError('weights-name-twice', { folder: dir, names: [name, bare] });
    const found = [name, bare].find((candidate) => names.has(candidate));
    if (found !== undefined) stored.set(name, found);
    else if (name !== HEAD) absent.push(name);
  }
  if (absent.length > 0) throw new ModelError('weights-incomplete', { folder: dir, missing: absent });
  return stored;
}

function requireShape(
  files: WeightFiles,
  spec: ParameterSpec,
  stored: string | undefined,
  config: Gpt2Config,
): void {
  if (stored === undefined) return;
  const { info, path: file } = files.locate(stored);
  const { dtype } = info;
  if (!isFloatType(dtype)) {
    const known = Object.keys(FLOAT_BYTES);
    throw new ModelError('tensor-type-unsupported', { file, tensor: stored, dtype, known });
  }
  const found = info.shape;
  if (found.length === spec.shape.length && found.every((length, i) => length === spec.shape[i])) return;

  const mismatch = { file, tensor: stored, found, expected: spec.shape };
  const sameWidth = found.length === 2 && found[1] === config.nEmbd;
  if (spec.name === HEAD && sameWidth) throw new ModelError('weights-label-count', mismatch);
  if (spec.name === `${PREFIX}wte.weight` && sameWidth)
    throw new ModelError('weights-vocabulary-size', mismatch);
  throw new ModelError('weights-shape', mismatch);
}

/** Place of the first NaN or infinity, or -1. */
export function firstNotFinite(values: Float32Array): number {
  // They are the numbers whose exponent bits are all set.
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
  let place = 0;
  while (place < bits.length && (bits[place] & 0x7f800000) !== 0x7f800000) place++;
  return place === bits.length ? -1 : place;
}

function requireFinite({ offset, values }: TensorPiece, name: string, files: WeightFiles): void {
  const place = firstNotFinite(values);
  if (place < 0) return;
  const { info, path } = files.locate(name);
  throw new ModelError('weights-not-finite', {
    file: path,
    tensor: name,
    value: String(values[place]),
    index: indexOf(offset + place, info.shape),
  });
}

/** The index into `shape` of the number at `place` in row-major order. */
function indexOf(place: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  for (const length of [...shape].reverse()) {
    index.unshift(place % length);
    place = Math.floor(place / length);
  }
  return index;
}
