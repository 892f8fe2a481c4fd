import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const command = process.env['ATTUNE_SKLEARN_PYTHON'];
if (!command)
  console.error(
    'SKIPPED: the comparison with gensim. ' +
      'Set ATTUNE_SKLEARN_PYTHON to a Python that has scikit-learn and gensim to run it.',
  );

/** For `test`'s options: why tests that need scikit-learn or gensim do not run, or false where they do. */
export const skipWithoutSklearn = command ? false : 'ATTUNE_SKLEARN_PYTHON is not set';

/** The JSON that test/interop/`script` prints. */
export async function runSklearnPython(script: string, ...args: string[]): Promise<unknown> {
  const path = fileURLToPath(new URL(`../interop/${script}`, import.meta.url));
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1', PYTHONIOENCODING: 'utf-8' };
  const { stdout } = await promisify(execFile)(command!, [path, ...args], { env, maxBuffer: 2 ** 28 });
  return JSON.parse(stdout) as unknown;
}
