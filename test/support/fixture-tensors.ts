import { SafetensorsFile } from '#attune/model/safetensors.js';
import { fixturePath } from './fixtures.js';

/** The tensors of a safetensors file among the fixtures. */
export async function fixtureTensors(name: string): Promise<Map<string, Float32Array>> {
  const file = await SafetensorsFile.open(fixturePath(name));
  try {
    const tensors = new Map<string, Float32Array>();
    for (const tensor of file.tensors.keys()) tensors.set(tensor, await file.read(tensor));
    return tensors;
  } finally {
    await file.close();
  }
}
