/**
 * The optimizer of a checkpoint of transformers' Trainer: optimizer.pt, the state_dict of torch.optim.AdamW.
 * Its state goes by numbers: the place of a parameter in the optimizer's groups, first those with weight
 * decay, then those without, each in the order of named_parameters() (trainer.py, create_optimizer).
 */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { EngineSession } from '../engine/engine.js';
import { ModelError } from '../errors/attune-error.js';
import { factNumber } from '../errors/phrases/values.js';
import type { ParameterSpec } from '../model/parameters.js';
import type { Pickled, PickledTensor } from '../model/pickle.js';
import { TorchArchive } from '../model/torch-archive.js';
import { parameterGroups } from './parameter-groups.js';

const FILE = 'optimizer.pt';

/**
 * Writes the moments of optimizer.pt into a session.
 *
 * @returns how many updates AdamW has counted; 0 where the checkpoint holds no optimizer, whose moments are
 *   then left at zero
 * @throws ModelError if the file is damaged, holds anything but tensors and plain values, or is not of
 *   these parameters
 */
export async function restoreTorchOptimizer(
  dir: string,
  session: EngineSession,
  parameters: readonly ParameterSpec[],
  signal?: AbortSignal,
): Promise<number> {
  const file = join(dir, FILE);
  if (
    !(await access(file).then(
      () => true,
      () => false,
    ))
  )
    return 0;
  const archive = await TorchArchive.open(file);
  try {
    const state = field(archive.value, 'state');
    if (!isMap(state)) throw new ModelError('torch-optimizer-foreign', { file });
    const shapes = new Map(parameters.map(({ name, shape }) => [name, shape]));
    const names = parameterGroups(parameters).flat();
    if (state.size !== names.length)
      throw new ModelError('torch-optimizer-parameters', {
        file,
        found: state.size,
        expected: names.length,
      });
    let updates: number | undefined;
    for (const [index, name] of names.entries()) {
      signal?.throwIfAborted();
      const shape = shapes.get(name)!;
      const entry = state.get(index);
      const place = { file, index, parameter: name };
      const tensor = (key: string, expected: readonly number[]): PickledTensor => {
        const value = field(entry, key);
        if (!isTensor(value))
          throw new ModelError('torch-optimizer-tensor-missing', { ...place, tensor: key });
        if (value.shape.join() !== expected.join())
          throw new ModelError('torch-optimizer-tensor-shape', {
            ...place,
            tensor: key,
            found: value.shape,
            expected,
          });
        return value;
      };
      const [step] = await archive.read(tensor('step', []));
      if (!Number.isSafeInteger(step) || step < 0 || (updates !== undefined && updates !== step)) {
        throw new ModelError('torch-optimizer-updates', {
          ...place,
          updates: factNumber(step),
          others: updates,
        });
      }
      updates = step;
      for (const [kind, key] of [
        ['moment1', 'exp_avg'],
        ['moment2', 'exp_avg_sq'],
      ] as const) {
        const values = await archive.read(tensor(key, shape));
        if (!values.every(Number.isFinite))
          throw new ModelError('torch-optimizer-tensor-not-finite', { ...place, tensor: key });
        await session.writeTensor(kind, name, values);
      }
    }
    return updates ?? 0;
  } finally {
    await archive.close();
  }
}

const isMap = (value: Pickled | undefined): value is ReadonlyMap<string | number, Pickled> =>
  value instanceof Map;
const isTensor = (value: Pickled | undefined): value is PickledTensor =>
  typeof value === 'object' && value !== null && 'kind' in value;
const field = (value: Pickled | undefined, key: string): Pickled | undefined =>
  isMap(value) ? value.get(key) : undefined;
