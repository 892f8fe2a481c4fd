import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const command = process.env['ATTUNE_PYTHON'];
if (!command) {
  console.error(
    'SKIPPED: the comparison with transformers. ' +
      'Set ATTUNE_PYTHON to a Python that has torch and transformers to run it.',
  );
}

/** For `test`'s options: why tests that need Python do not run, or false where they do. */
export const skipWithoutPython = command ? false : 'ATTUNE_PYTHON is not set';

/**
 * The JSON that test/interop/`script` prints. What it says on standard error is part of the error where it
 * fails.
 */
export async function runPython(script: string, ...args: string[]): Promise<unknown> {
  return runPythonWith({}, script, ...args);
}

/** The same with more in the environment. */
export async function runPythonWith(
  more: Readonly<Record<string, string>>,
  script: string,
  ...args: string[]
): Promise<unknown> {
  const path = fileURLToPath(new URL(`../interop/${script}`, import.meta.url));
  const env = {
    ...process.env,
    HF_HUB_OFFLINE: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONIOENCODING: 'utf-8',
    ...more,
  };
  const { stdout } = await promisify(execFile)(command!, [path, ...args], { env, maxBuffer: 2 ** 28 });
  return JSON.parse(stdout) as unknown;
}
