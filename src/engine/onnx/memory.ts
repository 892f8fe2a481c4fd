/**
 * Where a model lives: parameter, gradient and AdamW's two moments of a tensor side by side in one
 * WebAssembly memory, so that the kernels update in place and ONNX Runtime reads and writes the same bytes.
 * WebAssembly addresses 4 GiB at most, so tensors are spread over several memories ("banks"), each with its
 * own instance of the kernels. Pages that are never written cost nothing: moments of a model that only
 * predicts, rows of an embedding that no text uses.
 */
import { readFileSync } from 'node:fs';
import { TrainingError } from '../../errors/attune-error.js';

/** The exports of kernels.assembly.ts, which documents them. */
export interface Kernels {
  adamw(
    p: number,
    g: number,
    m: number,
    v: number,
    n: number,
    clip: number,
    beta1: number,
    beta2: number,
    decay: number,
    stepSize: number,
    inverseRoot2: number,
    epsilon: number,
  ): void;
  decayRows(p: number, n: number, factors: number, count: number): void;
  sumOfSquares(x: number, n: number): number;
  accumulate(target: number, source: number, n: number): void;
  dropoutFactors(
    target: number,
    n: number,
    counter: number,
    key0: number,
    key1: number,
    threshold: number,
    factor: number,
  ): void;
  attentionFactors(
    target: number,
    firstQuery: number,
    queries: number,
    longest: number,
    heads: number,
    rowStride: number,
    stride: number,
    key0: number,
    key1: number,
    threshold: number,
    factor: number,
  ): void;
}

const PAGE = 65536;
const MAX_PAGES = 65536;
/** A bank is closed for further tensors above this; a larger tensor gets a bank of its own. */
const BANK_BYTES = 1024 ** 3;
const ALIGNMENT = 64;
/** Every bank begins with room for the factors of decayRows. */
export const SCRATCH_FLOATS = 4096;

let compiled: WebAssembly.Module | undefined;

/** A WebAssembly memory of a fixed size with kernels over it. */
export class Bank {
  readonly memory: WebAssembly.Memory;
  readonly kernels: Kernels;
  #used = SCRATCH_FLOATS * 4;

  constructor(bytes: number) {
    const pages = Math.ceil((bytes + SCRATCH_FLOATS * 4) / PAGE);
    if (pages > MAX_PAGES)
      throw new TrainingError('cpu-tensor-too-large', { bytes, limit: MAX_PAGES * PAGE });
    try {
      this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    } catch (cause) {
      throw new TrainingError('cpu-memory-exhausted', { bytes }, { cause });
    }
    compiled ??= new WebAssembly.Module(readFileSync(new URL('./kernels.wasm', import.meta.url)));
    const instance = new WebAssembly.Instance(compiled, {
      env: {
        memory: this.memory,
        abort: () => {
          throw new Error('kernel aborted');
        },
      },
    });
    this.kernels = instance.exports as unknown as Kernels;
  }

  static bytesFor(floats: number): number {
    return Math.ceil((floats * 4) / ALIGNMENT) * ALIGNMENT;
  }

  /** Byte offset of a new region; its tail up to the alignment stays zero. */
  allocate(floats: number): number {
    const offset = this.#used;
    this.#used += Bank.bytesFor(floats);
    return offset;
  }

  view(offset: number, floats: number): Float32Array {
    return new Float32Array(this.memory.buffer, offset, floats);
  }

  /** Room for the factors of decayRows. */
  get scratch(): Float32Array {
    return this.view(0, SCRATCH_FLOATS);
  }
}

/** One parameter's regions. */
export interface TensorRegions {
  readonly bank: Bank;
  readonly floats: number;
  /** Floats rounded up to a multiple of 4, as the kernels count. */
  readonly padded: number;
  readonly parameter: number;
  readonly gradient: number;
  readonly moment1: number;
  readonly moment2: number;
  /** Where a further micro-batch's gradient is written before it is added to `gradient`. */
  readonly incoming: number;
}

const REGIONS = 5;

/** Places tensors of the given sizes into banks, in order. */
export function placeTensors(sizes: readonly number[]): TensorRegions[] {
  const groups: number[][] = [];
  let groupBytes = Infinity;
  for (const [i, floats] of sizes.entries()) {
    const bytes = REGIONS * Bank.bytesFor(floats);
    if (groupBytes + bytes > BANK_BYTES) {
      groups.push([]);
      groupBytes = 0;
    }
    groups.at(-1)!.push(i);
    groupBytes += bytes;
  }
  const regions = new Array<TensorRegions>(sizes.length);
  for (const group of groups) {
    const bank = new Bank(group.reduce((sum, i) => sum + REGIONS * Bank.bytesFor(sizes[i]), 0));
    for (const i of group) {
      const floats = sizes[i];
      const region = (): number => bank.allocate(floats);
      regions[i] = {
        bank,
        floats,
        padded: Math.ceil(floats / 4) * 4,
        parameter: region(),
        gradient: region(),
        moment1: region(),
        moment2: region(),
        incoming: region(),
      };
    }
  }
  return regions;
}
