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
  const problem = read.value('problem_type') ?? null;
  if (problem !== null && problem !== 'single_label_classification') {
    throw read.refusal(
      'problem_type',
      `is ${JSON.stringify(problem)}; attune does single_label_classification alone`,
    );
  }
  const names = readId2Label(read);
  const count =
    read.value('num_labels') === undefined ? (names?.length ?? 2) : read.integer('num_labels', 1, MAX_LABELS);
  if (names && names.length !== count)
    throw read.refusal('num_labels', `is ${count}, but id2label names ${names.length}`);
  if (count < 2) {
    throw read.refusal(
      names ? 'id2label' : 'num_labels',
      'has one label, which means regression; attune classifies into two or more',
    );
  }
  return names ?? Array.from({ length: count }, (_, i) => `LABEL_${i}`);
}

function readId2Label(read: FieldReader): string[] | undefined {
  const map = read.value('id2label') ?? undefined;
  if (map === undefined) return undefined;
  if (!isJsonObject(map)) throw read.refusal('id2label', 'is not an object from class index to name');
  const entries = Object.entries(map);
  const names: string[] = [];
  for (let i = 0; i < entries.length; i++) {
    // JSON objects keep whole-number keys in rising order, so the ith entry must be class i.
    const [key, name] = entries[i];
    if (key !== String(i))
      throw read.refusal(
        'id2label',
        `must number its ${entries.length} labels 0 to ${entries.length - 1}; it lacks ${i}`,
      );
    if (typeof name !== 'string')
      throw read.refusal('id2label', `names label ${i} ${JSON.stringify(name)}, which is not a string`);
    names.push(name);
  }
  const seen = new Map<string, number>();
  for (const [i, name] of names.entries()) {
    const first = seen.get(name);
    if (first !== undefined)
      throw read.refusal('id2label', `gives labels ${first} and ${i} the same name, ${JSON.stringify(name)}`);
    seen.set(name, i);
  }
  return names;
}
