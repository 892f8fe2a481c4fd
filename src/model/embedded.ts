import { fileURLToPath } from 'node:url';

/** Name of the checkpoint that comes with attune; models/gpt2-mini/README.md describes it. */
export const EMBEDDED_MODEL = 'gpt2-mini';

/** Its folder. */
export function embeddedModelFolder(): string {
  return fileURLToPath(new URL('../../models/gpt2-mini', import.meta.url));
}
