import { existsSync } from 'node:fs';
import { UsageError } from '../errors/attune-error.js';
import { EMBEDDED_MODEL, embeddedModelFolder } from '../model/embedded.js';

/** A value that a command cannot do without. @throws UsageError naming the option */
export function required<T>(value: T | undefined, name: 'dataset' | 'model'): T {
  if (value === undefined) throw new UsageError(`${name}-missing`, {});
  return value;
}

/**
 * The folder of a model: the embedded one by its name or where none is given, unless a folder of that name is
 * here.
 */
export function modelFolder(model: string | undefined): string {
  return model === undefined || (model === EMBEDDED_MODEL && !existsSync(model))
    ? embeddedModelFolder()
    : model;
}
