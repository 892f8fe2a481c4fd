/**
 * Where the tensors of a model folder lie: in model.safetensors, or in the shards that
 * model.safetensors.index.json names.
 */
import { readFile, readdir, stat } from 'node:fs/promises';
import { basename, join, win32 } from 'node:path';
import { jsonValue } from '../json/syntax.js';
import { ModelError } from '../errors/attune-error.js';
import type { Plain } from '../errors/wording.js';
import { isJsonObject } from './config-fields.js';
import { SafetensorsFile } from './safetensors.js';
import type { TensorPiece } from './safetensors.js';
import type { TensorInfo } from './safetensors-header.js';

export const SINGLE_FILE = 'model.safetensors';
export const INDEX_FILE = 'model.safetensors.index.json';

/** The tensors of a folder's weight files together, under the names they have there. */
export class WeightFiles {
  readonly #files: readonly SafetensorsFile[];
  readonly #holder: ReadonlyMap<string, SafetensorsFile>;

  private constructor(files: readonly SafetensorsFile[], holder: ReadonlyMap<string, SafetensorsFile>) {
    this.#files = files;
    this.#holder = holder;
  }

  /**
   * @throws ModelError `model-weights-missing`, `model-weights-pickled`, `shard-*`, `shards-*`,
   *   `safetensors-*`
   */
  static async open(dir: string): Promise<WeightFiles> {
    const single = join(dir, SINGLE_FILE);
    if (await isFile(single)) {
      const file = await SafetensorsFile.open(single);
      return new WeightFiles([file], new Map([...file.tensors.keys()].map((name) => [name, file])));
    }
    const index = join(dir, INDEX_FILE);
    if (await isFile(index)) return WeightFiles.#openShards(dir, index);
    throw await noWeights(dir);
  }

  static async #openShards(dir: string, index: string): Promise<WeightFiles> {
    const weightMap = await readIndex(index);
    const shards = new Map<string, SafetensorsFile>();
    try {
      const holder = new Map<string, SafetensorsFile>();
      for (const [name, shard] of weightMap) {
        let file = shards.get(shard);
        if (!file) {
          const path = join(dir, shard);
          if (!(await isFile(path))) throw new ModelError('shard-missing', { file: index, shard });
          file = await SafetensorsFile.open(path);
          shards.set(shard, file);
        }
        if (!file.tensors.has(name))
          throw new ModelError('shard-without-tensor', { file: index, tensor: name, shard });
        holder.set(name, file);
      }
      return new WeightFiles([...shards.values()], holder);
    } catch (error) {
      await Promise.all([...shards.values()].map((file) => file.close()));
      throw error;
    }
  }

  get names(): string[] {
    return [...this.#holder.keys()];
  }

  /** A tensor of `names` and the file it is in. */
  locate(name: string): { info: TensorInfo; path: string } {
    const file = this.#holder.get(name)!;
    return { info: file.tensors.get(name)!, path: file.path };
  }

  async read(name: string): Promise<Float32Array> {
    return this.#holder.get(name)!.read(name);
  }

  pieces(name: string): AsyncGenerator<TensorPiece> {
    return this.#holder.get(name)!.pieces(name);
  }

  async close(): Promise<void> {
    await Promise.all(this.#files.map((file) => file.close()));
  }
}

/**
 * The index's `weight_map`: tensor to file name.
 *
 * @throws ModelError if it is not one, or a name is not that of a file beside it
 */
export async function readIndex(index: string): Promise<Map<string, string>> {
  let json: unknown;
  try {
    json = jsonValue(await readFile(index, 'utf8'));
  } catch (cause) {
    throw new ModelError('shards-unreadable', { file: index, reason: (cause as Error).message }, { cause });
  }
  const map = isJsonObject(json) ? json['weight_map'] : undefined;
  if (!isJsonObject(map)) throw new ModelError('shards-without-map', { file: index });
  const weightMap = new Map<string, string>();
  for (const [name, shard] of Object.entries(map as Readonly<Record<string, Plain>>)) {
    if (typeof shard !== 'string' || !isPlainName(shard)) {
      throw new ModelError('shard-name-invalid', { file: index, tensor: name, shard });
    }
    weightMap.set(name, shard);
  }
  return weightMap;
}

/** No folder in it, not of any system's notation, so that an index cannot point outside its own folder. */
function isPlainName(name: string): boolean {
  return (
    name !== '' &&
    name !== '.' &&
    name !== '..' &&
    !name.includes('\0') &&
    basename(name) === name &&
    win32.basename(name) === name
  );
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isFile(),
    () => false,
  );
}

const PICKLED = 'pytorch_model.bin';

async function noWeights(dir: string): Promise<ModelError> {
  let names: string[];
  try {
    names = await readdir(dir);
  } catch (cause) {
    const { message: reason } = cause as Error;
    return new ModelError('model-folder-unreadable', { folder: dir, reason }, { cause });
  }
  if (names.includes(PICKLED)) return new ModelError('model-weights-pickled', { folder: dir, name: PICKLED });
  return new ModelError('model-weights-missing', { folder: dir, names: [SINGLE_FILE, INDEX_FILE] });
}
