/**
 * The shape of JSON data, checked with the place of what is wrong: `models[2].f1.value: expected a number,
 * found "high"`.
 */

export class ShapeError extends Error {
  /** @param path such as models[2].f1.value; empty for the whole */
  constructor(
    readonly path: string,
    readonly problem: string,
  ) {
    super(path === '' ? problem : `${path}: ${problem}`);
  }
}

/** Gives the value back as a T of nothing but what T has. @throws ShapeError */
export type Shape<T> = (value: unknown, path: string) => T;

function fail(path: string, wanted: string, value: unknown): never {
  throw new ShapeError(
    path,
    value === undefined ? `is missing; expected ${wanted}` : `expected ${wanted}, found ${found(value)}`,
  );
}

function found(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}

export const number: Shape<number> = (value, path) =>
  typeof value === 'number' && Number.isFinite(value) ? value : fail(path, 'a number', value);

/** A whole number from 0. */
export const count: Shape<number> = (value, path) =>
  Number.isSafeInteger(value) && (value as number) >= 0
    ? (value as number)
    : fail(path, 'a whole number', value);

export const text: Shape<string> = (value, path) =>
  typeof value === 'string' ? value : fail(path, 'a text', value);

export const flag: Shape<boolean> = (value, path) =>
  typeof value === 'boolean' ? value : fail(path, 'true or false', value);

export const between =
  (low: number, high: number): Shape<number> =>
  (value, path) =>
    typeof value === 'number' && value >= low && value <= high
      ? value
      : fail(path, `a number from ${low} to ${high}`, value);

export const orNull =
  <T>(shape: Shape<T>): Shape<T | null> =>
  (value, path) =>
    value === null ? null : shape(value, path);

export const oneOf =
  <const T extends string | number>(...values: readonly T[]): Shape<T> =>
  (value, path) =>
    values.includes(value as T)
      ? (value as T)
      : fail(path, values.map((each) => JSON.stringify(each)).join(' or '), value);

export const list =
  <T>(shape: Shape<T>): Shape<readonly T[]> =>
  (value, path) =>
    Array.isArray(value) ? value.map((item, i) => shape(item, `${path}[${i}]`)) : fail(path, 'a list', value);

/** Names are data. */
export const record =
  <T>(shape: Shape<T>): Shape<Readonly<Record<string, T>>> =>
  (value, path) =>
    isObject(value)
      ? Object.fromEntries(
          Object.entries(value).map(([key, item]) => [key, shape(item, memberPath(path, key))]),
        )
      : fail(path, 'an object', value);

/** Keys that T does not have are left out. */
export const object =
  <T extends object>(shapes: { readonly [K in keyof T]-?: Shape<T[K]> }): Shape<T> =>
  (value, path) => {
    if (!isObject(value)) return fail(path, 'an object', value);
    const entries = Object.entries<Shape<unknown>>(shapes);
    // Own properties alone: "toString" is no field of {}.
    const members: [string, unknown][] = entries.map(([key, shape]) => [
      key,
      shape(Object.hasOwn(value, key) ? value[key] : undefined, memberPath(path, key)),
    ]);
    return Object.fromEntries(members) as T;
  };

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const memberPath = (path: string, key: string): string =>
  /^[A-Za-z_][A-Za-z0-9_]*$/.test(key)
    ? `${path}${path === '' ? '' : '.'}${key}`
    : `${path}[${JSON.stringify(key)}]`;
