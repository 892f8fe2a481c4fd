/**
 * Where parameters, gradients and AdamW's moments live on the device: in banks, each at most as large as one
 * binding may be. A tensor has the same place in the four buffers of its bank, so that one kernel goes
 * through all of them at once. Within a bank the parameters that decay come first.
 */
import { TrainingError } from '../../errors/attune-error.js';
import { elementCount } from '../../model/parameters.js';
import type { ParameterSpec } from '../../model/parameters.js';
import type { TensorKind } from '../engine.js';
import { largestBinding } from './demand.js';

/** Offsets of bindings are multiples of 256 bytes by WebGPU's default limits. */
const ALIGNMENT_FLOATS = 64;

export interface BankPlan {
  readonly floats: number;
  /** Elements before this one belong to parameters that decay. */
  readonly decayEnd: number;
}

export interface TensorPlace {
  readonly bank: number;
  /** In floats. */
  readonly offset: number;
  readonly floats: number;
}

/** @throws TrainingError with the numbers if one tensor alone is larger than a binding may be */
export function placeTensors(
  specs: readonly ParameterSpec[],
  maxBindingBytes: number,
): { readonly banks: readonly BankPlan[]; readonly places: ReadonlyMap<string, TensorPlace> } {
  const most = Math.floor(maxBindingBytes / 4 / ALIGNMENT_FLOATS) * ALIGNMENT_FLOATS;
  const groups: ParameterSpec[][] = [];
  let room = 0;
  const padded = ({ shape }: ParameterSpec): number =>
    Math.ceil(elementCount(shape) / ALIGNMENT_FLOATS) * ALIGNMENT_FLOATS;
  for (const spec of specs) {
    const floats = padded(spec);
    if (floats > most) {
      throw new TrainingError('gpu-tensor-too-large', {
        tensor: spec.name,
        bytes: floats * 4,
        limit: maxBindingBytes,
      });
    }
    if (floats > room) {
      groups.push([]);
      room = most;
    }
    groups.at(-1)!.push(spec);
    room -= floats;
  }
  const places = new Map<string, TensorPlace>();
  const banks = groups.map((group, bank): BankPlan => {
    let offset = 0;
    let decayEnd = 0;
    for (const decay of [true, false]) {
      for (const spec of group.filter((one) => one.decay === decay)) {
        places.set(spec.name, { bank, offset, floats: elementCount(spec.shape) });
        offset += padded(spec);
      }
      if (decay) decayEnd = offset;
    }
    return { floats: offset, decayEnd };
  });
  return { banks, places };
}

/** `incoming` takes a further micro-batch's gradients before they are added to the window's. */
export type BankKind = TensorKind | 'incoming';

/**
 * The device's buffers; each kind is made when it is first needed, so that a model that only predicts has
 * parameters alone.
 */
export class DeviceMemory {
  readonly banks: readonly BankPlan[];
  readonly #places: ReadonlyMap<string, TensorPlace>;
  readonly #buffers = new Map<BankKind, readonly GPUBuffer[]>();

  readonly #device: GPUDevice;

  constructor(device: GPUDevice, specs: readonly ParameterSpec[]) {
    this.#device = device;

    ({ banks: this.banks, places: this.#places } = placeTensors(specs, largestBinding(device.limits)));
  }

  bank(kind: BankKind, index: number): GPUBuffer {
    let buffers = this.#buffers.get(kind);
    if (!buffers) {
      buffers = this.banks.map(({ floats }, i) =>
        this.#device.createBuffer({
          label: `${kind} ${i}`,
          size: floats * 4,
          usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
        }),
      );
      this.#buffers.set(kind, buffers);
    }
    return buffers[index];
  }

  place(name: string): TensorPlace {
    const place = this.#places.get(name);
    if (!place) throw new Error(`the model has no parameter ${name}`);
    return place;
  }

  /** The binding of one tensor. */
  binding(kind: BankKind, name: string): GPUBufferBinding {
    const { bank, offset, floats } = this.place(name);
    return { buffer: this.bank(kind, bank), offset: offset * 4, size: floats * 4 };
  }

  /** Makes the buffers of these kinds now. */
  reserve(kinds: readonly BankKind[]): void {
    if (this.banks.length > 0) for (const kind of kinds) this.bank(kind, 0);
  }

  /** Bytes of one kind. */
  get bytes(): number {
    return this.banks.reduce((sum, { floats }) => sum + floats * 4, 0);
  }

  destroy(): void {
    for (const buffers of this.#buffers.values()) for (const buffer of buffers) buffer.destroy();
    this.#buffers.clear();
  }
}
