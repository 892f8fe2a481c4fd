import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../shared', import.meta.url));
let told = false;

/**
 * A path in the folder `shared` beside the project, or undefined with one loud line where it does not lie
 * there.
 */
export function sharedPath(...parts: string[]): string | undefined {
  const path = join(root, ...parts);
  if (existsSync(path)) return path;
  if (!told)
    console.error(
      `SKIPPED: tests that need ../shared/${parts.join('/')}, which does not lie beside the project`,
    );
  told = true;
  return undefined;
}
