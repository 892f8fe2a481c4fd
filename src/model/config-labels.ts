import { ModelError } from '../errors/attune-error.js';
import { isJsonObject } from './config-fields.js';
import type { FieldReader } from './config-fields.js';

/**
 * More classes than a head over one pooled token is ever given; bounds what a damaged config can make us
 * allocate.
 */
const MAX_LABELS = 1_000_000;

/**
 * The class names of a config, by index: `id2label`, else LABEL_0, LABEL_1, … for `num_labels`, else two, as
 * in transformers.
 *
 * @throws ModelError unless they are at least two distinct names for one class each
 */
export function readLabelNames(read: FieldReader): string[] {
  const { file } = read;
  const problem = read.value('problem_type') ?? null;
  if (problem !== null && problem !== 'single_label_classification') {
    throw new ModelError('config-problem-type', { file, value: problem });
  }
  const names = readId2Label(read);
  const count =
    read.value('num_labels') === undefined ? (names?.length ?? 2) : read.integer('num_labels', 1, MAX_LABELS);
  if (names && names.length !== count)
    throw new ModelError('config-label-count', { file, count, names: names.length });
  if (count < 2) {
    throw new ModelError('config-one-label', { file, field: names ? 'id2label' : 'num_labels' });
  }
  return names ?? Array.from({ length: count }, (_, i) => `LABEL_${i}`);
}

function readId2Label(read: FieldReader): string[] | undefined {
  const { file } = read;
  const map = read.value('id2label') ?? undefined;
  if (map === undefined) return undefined;
  if (!isJsonObject(map)) throw new ModelError('config-labels-not-object', { file });
  const entries = Object.entries(map);
  const names: string[] = [];
  for (let i = 0; i < entries.length; i++) {
    // JSON objects keep whole-number keys in rising order, so the ith entry must be class i.
    const [key, name] = entries[i];
    if (key !== String(i))
      throw new ModelError('config-label-missing', { file, count: entries.length, missing: i });
    if (typeof name !== 'string')
      throw new ModelError('config-label-not-text', { file, index: i, value: name });
    names.push(name);
  }
  const seen = new Map<string, number>();
  for (const [i, name] of names.entries()) {
    const first = seen.get(name);
    if (first !== undefined)
      throw new ModelError('config-label-twice', { file, first, second: i, label: name });
    seen.set(name, i);
  }
  return names;
}
