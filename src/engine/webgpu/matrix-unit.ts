/**
 * The matrix units of a GPU (tensor cores, simdgroup matrices), which the threads of a subgroup use together.
 * In WebGPU they are an experiment of Dawn's (docs/dawn/features/subgroup_matrix.md there), so they are used
 * only where a user asks for them.
 */

/** What the device must be opened with, beside `shader-f16` where the operands are f16. */
const FEATURES = ['subgroups', 'chromium-experimental-subgroup-matrix'];

/** A product that the units do at once: [m, k] times [k, n], added to sums in float32. */
export interface MatrixUnit {
  readonly operands: 'f16' | 'f32';
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Threads of a subgroup, as far as that is known; kernels are right with any other. */
  readonly subgroup: number;
}

/** As the adapter's information lists it, which WebGPU's types do not know. */
export interface MatrixConfiguration {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

export type AdapterFacts = Pick<GPUAdapter, 'features'> & {
  readonly info: Pick<GPUAdapterInfo, 'subgroupMinSize' | 'subgroupMaxSize'> & {
    readonly subgroupMatrixConfigs?: Iterable<MatrixConfiguration>;
  };
};

export const featuresOf = ({ operands }: MatrixUnit): GPUFeatureName[] =>
  [...FEATURES, ...(operands === 'f16' ? ['shader-f16'] : [])] as GPUFeatureName[];

/** Of a workgroup. */
export const UNIT_THREADS = 128;
/** What a workgroup computes, and its step along K, which takes the same memory with either operands. */
export const unitTile = ({
  operands,
}: Pick<MatrixUnit, 'operands'>): {
  readonly tileM: number;
  readonly tileN: number;
  readonly tileK: number;
} => ({ tileM: 64, tileN: 64, tileK: operands === 'f16' ? 32 : 16 });

/**
 * How the subgroups of a workgroup share its tile: `down` x `across` of them, each with `rows` x `columns`
 * products of the unit's size.
 */
export interface Share {
  readonly down: number;
  readonly across: number;
  readonly rows: number;
  readonly columns: number;
}

/** undefined: the tile does not divide so. */
export function shareOf(unit: MatrixUnit): Share | undefined {
  const { m, n, k, subgroup } = unit;
  const { tileM, tileN, tileK } = unitTile(unit);
  const subgroups = UNIT_THREADS / subgroup;
  const across = 2 ** Math.ceil(Math.log2(subgroups) / 2);
  const down = subgroups / across;
  const share = { down, across, rows: tileM / m / down, columns: tileN / n / across };
  return Object.values(share).every((number) => Number.isInteger(number) && number >= 1) && tileK % k === 0
    ? share
    : undefined;
}

/** What Dawn says of an adapter, in words: "f16 x f16 -> f32 16x16x16". */
export function matrixConfigurations({ info }: AdapterFacts): string[] {
  return [...(info.subgroupMatrixConfigs ?? [])].map(
    ({ componentType, resultComponentType, M, N, K }) =>
      `${componentType} x ${componentType} -> ${resultComponentType} ${M}x${N}x${K}`,
  );
}

export const nameOfUnit = ({ operands, m, n, k }: MatrixUnit): string =>
  `${operands} x ${operands} -> f32 ${m}x${n}x${k}`;

/**
 * The unit of an adapter that serves products of float32 matrices best: with sums in float32, operands in
 * float32 before float16, then the largest.
 */
export function matrixUnitOf({ features, info }: AdapterFacts): MatrixUnit | undefined {
  const [least, largest] = [info.subgroupMinSize ?? 0, info.subgroupMaxSize ?? 0];
  // WebGPU wants workgroups that are a multiple of the largest.
  if (least === 0 || UNIT_THREADS % largest !== 0) return undefined;
  // Where it may vary, 32 is what it is in practice (Apple, AMD's later ones).
  const subgroup = Math.min(largest, Math.max(least, 32));
  const units = [...(info.subgroupMatrixConfigs ?? [])]
    .filter(
      ({ componentType, resultComponentType }) =>
        (componentType === 'f16' || componentType === 'f32') && resultComponentType === 'f32',
    )
    .map(({ componentType, M, N, K }): MatrixUnit => ({
      operands: componentType as 'f16' | 'f32',
      m: M,
      n: N,
      k: K,
      subgroup,
    }))
    .filter((unit) => shareOf(unit) && featuresOf(unit).every((feature) => features.has(feature)));
  return units.sort((a, b) => b.operands.localeCompare(a.operands) || b.m * b.n * b.k - a.m * a.n * a.k)[0];
}
