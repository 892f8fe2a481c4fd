/** How sentences put what a run needs of a GPU. */

/** A batch as large as the run makes them. */
export type LargestBatch = { use: 'training' | 'prediction'; rows: number; tokens: number };

/** What the numbers of a model take: each kind as many bytes as `each`, the two moments twice. */
export type ModelNumbers = {
  kinds: readonly ('parameters' | 'gradients' | 'moments' | 'incomingGradients')[];
  each: number;
};

/** One part of what a run needs. */
export type MemoryPart = { of: LargestBatch | ModelNumbers; bytes: number };

export const mebibytes = (bytes: number): string =>
  `${(bytes / 2 ** 20).toLocaleString('en-US', { maximumFractionDigits: 1 })} MiB`;

export const counted = (count: number): string => count.toLocaleString('en-US');

const BATCHES = { training: 'a training batch', prediction: 'a prediction batch' } as const;

/** "a training batch of up to 8 rows and 1,024 tokens". */
export const batchText = ({ use, rows, tokens }: LargestBatch): string =>
  `${BATCHES[use]} of up to ${rows} rows and ${counted(tokens)} tokens`;

const KINDS = {
  parameters: 'parameters',
  gradients: 'gradients',
  moments: 'two moments (twice that)',
  incomingGradients: 'gradients of a further micro-batch',
} as const;

const partText = (of: MemoryPart['of']): string =>
  'use' in of
    ? batchText(of)
    : `${of.kinds.map((kind) => KINDS[kind]).join(', ')} of ${mebibytes(of.each)} each`;

/** "5,432 MiB: parameters ... 1,900.8 MiB; a training batch ... 3,531.2 MiB". */
export function memoryText(parts: readonly MemoryPart[]): string {
  const total = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  return `${mebibytes(total)}: ${parts.map(({ of, bytes }) => `${partText(of)}, ${mebibytes(bytes)}`).join('; ')}`;
}
