const made = new Map<boolean, GPU>();

/**
 * What `navigator.gpu` is in a browser. `experiments`: with what Dawn has and WebGPU does not promise yet,
 * such as matrix units.
 */
export async function dawn(experiments = false): Promise<GPU> {
  let gpu = made.get(experiments);
  if (gpu) return gpu;
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  gpu = create(experiments ? ['enable-dawn-features=allow_unsafe_apis'] : []);
  made.set(experiments, gpu);
  return gpu;
}
