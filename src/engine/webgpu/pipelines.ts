/** Compute pipelines by their source: each is made once, whatever batches come. */
export class Pipelines {
  readonly #made = new Map<string, GPUComputePipeline>();

  readonly #device: GPUDevice;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /**
   * Makes what is missing of the given kernels, side by side. @throws Error with the compiler's message if
   * a kernel does not compile
   */
  async prepare(kernels: readonly { readonly label: string; readonly code: string }[]): Promise<void> {
    const missing = new Map(
      kernels.filter(({ code }) => !this.#made.has(code)).map((kernel) => [kernel.code, kernel.label]),
    );
    await Promise.all(
      [...missing].map(async ([code, label]) => {
        const module = this.#device.createShaderModule({ label, code });
        const layout = this.#device.createPipelineLayout({
          label,
          bindGroupLayouts: [this.#device.createBindGroupLayout({ label, entries: entriesOf(code) })],
        });
        this.#made.set(
          code,
          await this.#device.createComputePipelineAsync({
            label,
            layout,
            compute: { module, entryPoint: 'main' },
          }),
        );
      }),
    );
  }

  get(code: string): GPUComputePipeline {
    const pipeline = this.#made.get(code);
    if (!pipeline) throw new Error('a pipeline was not prepared');
    return pipeline;
  }
}

/** By the address space and access of a binding's declaration in WGSL. */
const BUFFER_TYPES: Readonly<Record<string, GPUBufferBindingType>> = {
  uniform: 'uniform',
  'storage, read': 'read-only-storage',
  'storage, read_write': 'storage',
};

/** Explicit, because a layout derived by WebGPU leaves out bindings that a kernel happens not to use. */
function entriesOf(code: string): GPUBindGroupLayoutEntry[] {
  return [
    ...code.matchAll(/@group\(0\) @binding\((\d+)\) var<(uniform|storage, read|storage, read_write)>/g),
  ].map(([, binding, kind]) => ({
    binding: Number(binding),
    visibility: GPUShaderStage.COMPUTE,
    buffer: { type: BUFFER_TYPES[kind] },
  }));
}
