/**
 * A WebAssembly memory of one computation, with the exports of one of this folder's *.assembly.ts over it.
 */
import { readFileSync } from 'node:fs';
import { TrainingError } from '../errors/attune-error.js';

const PAGE = 65536;
const MAX_PAGES = 65536;
const ALIGNMENT = 64;
/** More than any module's static data. */
const STATIC_BYTES = PAGE;
const compiled = new Map<string, WebAssembly.Module>();

export class Arena<Exports extends { heapBase(): number }> {
  readonly buffer: ArrayBuffer;
  /** Every module exports `heapBase`, the end of its own static data. */
  readonly exports: Exports;
  #used: number;

  /**
   * @param module `logistic` for logistic.assembly.ts
   * @param bytes what will be allocated at most; in at most 64 pieces
   * @throws TrainingError `features-memory-unavailable`
   */
  constructor(module: string, bytes: number) {
    const pages = Math.ceil((bytes + 64 * ALIGNMENT + STATIC_BYTES) / PAGE);
    const refusal = (cause?: unknown): TrainingError =>
      new TrainingError('features-memory-unavailable', { bytes }, { cause });
    if (pages > MAX_PAGES) throw refusal();
    let memory: WebAssembly.Memory;
    try {
      memory = new WebAssembly.Memory({ initial: pages });
    } catch (cause) {
      throw refusal(cause);
    }
    let code = compiled.get(module);
    if (!code) {
      code = new WebAssembly.Module(readFileSync(new URL(`./${module}.wasm`, import.meta.url)));
      compiled.set(module, code);
    }
    const abort = (): never => {
      throw new Error(`${module} aborted`);
    };
    this.buffer = memory.buffer;
    this.exports = new WebAssembly.Instance(code, { env: { memory, abort } }).exports as Exports;
    this.#used = Math.ceil(this.exports.heapBase() / ALIGNMENT) * ALIGNMENT;
  }

  /** Byte offset of a new region of zeros. */
  #allocate(bytes: number): number {
    const offset = this.#used;
    this.#used += Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    if (this.#used > this.buffer.byteLength)
      throw new RangeError(`${bytes} bytes are more than the arena was made for`);
    return offset;
  }

  float64(length: number): Float64Array<ArrayBuffer> {
    return new Float64Array(this.buffer, this.#allocate(8 * length), length);
  }

  float32(length: number): Float32Array<ArrayBuffer> {
    return new Float32Array(this.buffer, this.#allocate(4 * length), length);
  }

  int32(length: number): Int32Array<ArrayBuffer> {
    return new Int32Array(this.buffer, this.#allocate(4 * length), length);
  }
}
