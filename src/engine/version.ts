import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/**
 * Version of ONNX Runtime, whose kernels decide the last bits. Not asked of the library itself, which would
 * have to be loaded into this thread.
 */
export function engineVersion(): string {
  const file = createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
  return `onnxruntime-node ${(JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version}`;
}
