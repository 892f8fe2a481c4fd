import { ModelError } from '../errors/attune-error.js';
import type { Plain } from '../errors/wording.js';

export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Typed reading of a config's fields; every refusal names file and field. */
export class FieldReader {
  readonly #fields: JsonObject;
  readonly #defaults: JsonObject;
  readonly #aliases: Readonly<Partial<Record<string, string>>>;

  constructor(
    fields: JsonObject,
    /** undefined: the config that attune makes for a classifier. */
    readonly file: string | undefined,
    defaults: JsonObject,
    aliases: Readonly<Partial<Record<string, string>>>,
  ) {
    this.#fields = fields;
    this.#defaults = defaults;
    this.#aliases = aliases;
  }

  /** The field, under its own name or its alias, or its default. */
  value(field: string): Plain {
    const own = this.#own(field);
    const alias = this.#aliases[field];
    const other = alias === undefined ? undefined : this.#own(alias);
    if (alias !== undefined && own !== undefined && other !== undefined && own !== other) {
      throw new ModelError('config-names-differ', { file: this.file, field, value: own, alias, other });
    }
    return own ?? other ?? (own === null || other === null ? null : (this.#defaults[field] as Plain));
  }

  integer(field: string, min: number, max: number): number {
    const value = this.value(field);
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
      throw new ModelError('config-not-integer', { file: this.file, field, value, min, max });
    }
    return value;
  }

  positive(field: string): number {
    const value = this.value(field);
    if (typeof value !== 'number' || !(value > 0) || value === Infinity)
      throw new ModelError('config-not-positive', { file: this.file, field, value });
    return value;
  }

  /** Of dropout: at 1 nothing would be left to train. */
  probability(field: string): number {
    const value = this.value(field);
    if (typeof value !== 'number' || !(value >= 0 && value < 1)) {
      throw new ModelError('config-not-probability', { file: this.file, field, value });
    }
    return value;
  }

  boolean(field: string): boolean {
    const value = this.value(field);
    if (typeof value !== 'boolean')
      throw new ModelError('config-not-boolean', { file: this.file, field, value });
    return value;
  }

  #own(field: string): Plain {
    return Object.hasOwn(this.#fields, field) ? (this.#fields[field] as Plain) : undefined;
  }
}
