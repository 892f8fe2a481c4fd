/**
 * What a kernel is to the rest of the engine: WGSL source, the buffers it is bound to, and how many
 * workgroups a batch needs. Everything that a batch decides (tokens, rows, pass) reaches a shader through
 * buffers, so pipelines and bind groups are made once.
 *
 *   @group(0) @binding(0)      the batch's sizes, `Sizes` below
 *   @group(0) @binding(1 + i)  bindings[i]
 */
import type { Dimension, Value } from '../../graph/graph.js';

/** The numbers behind a symbolic shape. */
export interface BatchSize {
  readonly tokens: number;
  readonly rows: number;
}

/** Arrays of the batch, as batch-arrays.ts lays them out. */
export type BatchArray =
  | 'inputIds'
  | 'positionIds'
  | 'pooledTokens'
  | 'labels'
  | 'lossWeight'
  /**
   * [2B + N] of each row its first token, and one past the last that may be attended to (the first again
   * where the row is blind); then the row of each token
   */
  | 'rowMap'
  /** [sites] the two words of each dropout site's key */
  | 'dropoutKeys'
  /** Rows of a table and the tokens that gathered each (batch-arrays.ts). */
  | 'inputIdsScatter'
  | 'positionIdsScatter'
  | 'pooledTokensScatter';

/** Floats that a kernel needs beside the graph's values, alive while `of` is. */
export interface SideBuffer {
  /** Tells the side buffers of one node apart. */
  readonly name: string;
  readonly of: Value;
  /** The most that batches up to this size need. */
  readonly floats: (size: BatchSize) => number;
}

/**
 * Words that are known when the program is made, for kernels that serve several shapes; a uniform in WGSL.
 */
export interface Constants {
  readonly constants: readonly number[];
}

export type Binding =
  { readonly value: Value } | { readonly side: SideBuffer } | { readonly batch: BatchArray } | Constants;

export interface Dispatch {
  /** For error messages and timings. */
  readonly label: string;
  readonly code: string;
  readonly bindings: readonly Binding[];
  readonly workgroups: (
    size: BatchSize,
    batch: { readonly scatterRows: (array: BatchArray) => number },
  ) => readonly [number, number, number];
  /**
   * An output of which only the rows that `by` names are written: it must lie in a bank, where rows of
   * earlier batches are cleared before.
   */
  readonly writesRowsOf?: { readonly value: Value; readonly by: BatchArray } | undefined;
  /**
   * Batches for which this dispatch runs at all; absent: every one. Kernels with a form for small and one for
   * large batches give two.
   */
  readonly when?: ((size: BatchSize) => boolean) | undefined;
}

export const lengthOf = (dimension: Dimension, size: BatchSize): number =>
  typeof dimension === 'number' ? dimension : size[dimension];

export const elementsOf = (shape: readonly Dimension[], size: BatchSize): number =>
  shape.reduce<number>((product, dimension) => product * lengthOf(dimension, size), 1);

const SYMBOLIC_LENGTHS = { tokens: [0, 1, 0, 0], rows: [0, 0, 1, 0] } as const;

/** A dimension as a `Length` of WGSL. */
export const lengthWords = (dimension: Dimension): readonly number[] =>
  typeof dimension === 'number' ? [dimension, 0, 0, 0] : SYMBOLIC_LENGTHS[dimension];

/** A dimension as WGSL reads it. */
export const wgslLength = (dimension: Dimension): string =>
  typeof dimension === 'number' ? `${dimension}u` : `sizes.${dimension}`;

/** An element count as WGSL computes it. */
export const wgslElements = (shape: readonly Dimension[]): string =>
  shape.map(wgslLength).join(' * ') || '1u';

/** A binding as WGSL declares it; absent access: read. */
export interface Declaration {
  readonly name: string;
  readonly type: string;
  readonly access?: 'read' | 'read_write' | 'uniform';
}

/**
 * How a kernel ends: WGSL of `finish(i, value)`, which it calls once for each element i of its first output,
 * and what that binds. Declarations and bindings go after the kernel's own.
 */
export interface Finish {
  /** Of the operations that it does; empty where elements are only written. */
  readonly label: string;
  readonly declarations: readonly Declaration[];
  readonly bindings: readonly Binding[];
  readonly code: string;
}

export const labelWith = (label: string, finish: Finish): string =>
  finish.label ? `${label}, ${finish.label}` : label;

/** Declares the sizes and the bindings, whose order and access must be those of `Dispatch.bindings`. */
export function header(bindings: readonly Declaration[]): string {
  return [
    'struct Sizes { tokens: u32, rows: u32 }',
    // A length as constants: a fixed part, and how often the tokens and the rows of the batch count.
    'struct Length { fixed: u32, tokens: u32, rows: u32, unused: u32 }',
    'fn lengthOf(length: Length) -> u32 { ' +
      'return length.fixed + length.tokens * sizes.tokens + length.rows * sizes.rows; }',
    '@group(0) @binding(0) var<uniform> sizes: Sizes;',
    ...bindings.map(
      ({ name, type, access = 'read' }, i) =>
        `@group(0) @binding(${i + 1}) var<${access === 'uniform' ? access : `storage, ${access}`}> ${name}: ${type};`,
    ),
    '',
  ].join('\n');
}

/** Threads of the kernels that go through elements one by one. */
export const THREADS = 256;
/** More workgroups than this gain nothing; each thread then takes several elements. */
const MOST_WORKGROUPS = 4096;

export const elementWorkgroups = (elements: number): readonly [number, number, number] => [
  Math.max(1, Math.min(MOST_WORKGROUPS, Math.ceil(elements / THREADS))),
  1,
  1,
];

/** A kernel body over all elements `i` of `count` (a WGSL expression). */
export function elementLoop(count: string, body: string): string {
  return `
@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let count = ${count};
  for (var i = id.x; i < count; i += groups.x * ${THREADS}u) {
    ${body}
  }
}
`;
}

/** A whole number or float32 as WGSL writes it. */
export const wgslFloat = (value: number): string => {
  const text = String(Math.fround(value));
  return /[.e]/.test(text) ? `${text}f` : `${text}.0f`;
};
