let gpu: GPU | undefined;

/** What `navigator.gpu` is in a browser. */
export async function dawn(): Promise<GPU> {
  if (gpu) return gpu;
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  gpu = create([]);
  return gpu;
}
