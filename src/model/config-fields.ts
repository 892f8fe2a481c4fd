import { ModelError } from '../errors/attune-error.js';

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
    readonly source: string,
    defaults: JsonObject,
    aliases: Readonly<Partial<Record<string, string>>>,
  ) {
    this.#fields = fields;
    this.#defaults = defaults;
    this.#aliases = aliases;
  }

  /** The field, under its own name or its alias, or its default. */
  value(field: string): unknown {
    const own = this.#own(field);
    const alias = this.#aliases[field];
    const other = alias === undefined ? undefined : this.#own(alias);
    if (own !== undefined && other !== undefined && own !== other) {
      throw this.refusal(
        field,
        `is ${JSON.stringify(own)}, but ${alias}, another name of the same field, is ${JSON.stringify(other)}`,
      );
    }
    return own ?? other ?? (own === null || other === null ? null : this.#defaults[field]);
  }

  integer(field: string, min: number, max: number): number {
    const value = this.value(field);
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
      throw this.refusal(field, `is ${JSON.stringify(value)}, not a whole number from ${min} to ${max}`);
    }
    return value;
  }

  positive(field: string): number {
    const value = this.value(field);
    if (typeof value !== 'number' || !(value > 0) || value === Infinity)
      throw this.refusal(field, `is ${JSON.stringify(value)}, not a number above 0`);
    return value;
  }

  /** Of dropout: at 1 nothing would be left to train. */
  probability(field: string): number {
    const value = this.value(field);
    if (typeof value !== 'number' || !(value >= 0 && value < 1)) {
      throw this.refusal(field, `is ${JSON.stringify(value)}, not a number from 0 to below 1`);
    }
    return value;
  }

  boolean(field: string): boolean {
    const value = this.value(field);
    if (typeof value !== 'boolean')
      throw this.refusal(field, `is ${JSON.stringify(value)}, neither true nor false`);
    return value;
  }

  refusal(field: string, what: string, hint?: string): ModelError {
    return new ModelError(`${this.source}: ${field} ${what}`, hint === undefined ? {} : { hint });
  }

  #own(field: string): unknown {
    return Object.hasOwn(this.#fields, field) ? this.#fields[field] : undefined;
  }
}
