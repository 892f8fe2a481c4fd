/** What gave a class its name, as facts and in sentences. */
import type { RecordPlace } from './places.js';
import { recordPlace } from './places.js';

/** A row, a model, the bundled sample, the caller, or what a file or card declares. */
export type ClassOrigin = RecordPlace | 'model' | 'sample' | 'labelNames' | { readonly declaredBy: string };

const ORIGINS = {
  model: 'the model',
  sample: 'the bundled sample',
  labelNames: 'the given label names',
};

export function originPlace(origin: ClassOrigin): string {
  if (typeof origin === 'string') return ORIGINS[origin];
  return 'declaredBy' in origin ? `the class names of ${origin.declaredBy}` : recordPlace(origin);
}
