/**
 * What stands in the browser in place of modules that need the operating system; scripts/build-browser.mjs
 * says which export is in place of what.
 */
import { AttuneError, UsageError } from '../errors/attune-error.js';
import type { Device } from '../engine/device-names.js';
import type { EncodedRow } from '../engine/batch.js';
import type { Engine } from '../engine/engine.js';
import { findAdapter, matrixUnitEngine, webGpuEngine } from '../engine/webgpu/node.js';
import { encodeTexts } from '../text/encode-texts.js';
import type { Tokenizer } from '../text/tokenizer.js';
import { resolve } from './node/path.js';

/** Set by the build. */
declare const ATTUNE_VERSION: string;

export const packageVersion = (): string => ATTUNE_VERSION;
export const engineVersion = (): string => `WebGPU, ${userAgent()}`;

const userAgent = (): string =>
  (globalThis as { navigator?: { userAgent?: string } }).navigator?.userAgent ?? 'unknown browser';

/** The browser's own WebGPU. */
export function dawn(): Promise<GPU> {
  const { navigator } = globalThis as { navigator?: { gpu?: GPU } };
  return navigator?.gpu
    ? Promise.resolve(navigator.gpu)
    : Promise.reject(
        new Error('this browser has none, or the page did not come by https or from this machine'),
      );
}

/** Why nothing can be computed in this browser, in a sentence for people, or undefined. */
export async function whyNoWebGpu(): Promise<string | undefined> {
  const found = await findAdapter();
  return 'reason' in found ? found.reason : undefined;
}

/**
 * In the browser all devices but `cpu` are its WebGPU.
 *
 * @throws UsageError `browser-without-device`; its `open` throws AttuneError `browser-without-webgpu`
 */
export function engineFor(device: Device): Engine {
  if (device === 'cpu') throw new UsageError('browser-without-device', { device });
  return {
    name: 'webgpu',
    async open(model, options) {
      const reason = await whyNoWebGpu();
      if (reason !== undefined) throw new AttuneError('browser-without-webgpu', { reason });
      return (device === 'webgpu-matrix-units' ? matrixUnitEngine : webGpuEngine).open(model, options);
    },
  };
}

/** Texts are tokenised every time: there is no disk to remember them on. */
export function encodeCached(
  texts: readonly string[],
  tokenizer: Tokenizer,
  maxLength: number,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<EncodedRow[]> {
  return encodeTexts(texts, tokenizer, maxLength, signal);
}

/** No earlier version left a folder in memory. */
export const recordOfEarlier = (): Promise<undefined> => Promise.resolve(undefined);

const locked = new Set<string>();

export const LOCK_FILE = '.attune.lock';
export const isLeftLock = (): Promise<boolean> => Promise.resolve(false);

/** One run at a time in an output folder; nobody else can see the files. */
export class RunLock {
  #held = false;

  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  acquire(): Promise<void> {
    if (this.#held) return Promise.resolve();
    if (locked.has(resolve(this.#dir)))
      return Promise.reject(new UsageError('browser-folder-in-use', { folder: this.#dir }));
    locked.add(resolve(this.#dir));
    this.#held = true;
    return Promise.resolve();
  }

  assertHeld(): Promise<void> {
    return this.#held ? Promise.resolve() : Promise.reject(new Error(`the lock of ${this.#dir} is not held`));
  }

  release(): Promise<void> {
    if (this.#held) locked.delete(resolve(this.#dir));
    this.#held = false;
    return Promise.resolve();
  }
}
