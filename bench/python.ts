/** The Python that a bench compares with, if there is one. */
import { spawnSync } from 'node:child_process';

/** What the variable names, where it can import these modules; else says what is not compared and why. */
export function pythonWith(variable: string, modules: readonly string[], what: string): string | undefined {
  const python = process.env[variable];
  if (python && spawnSync(python, ['-c', `import ${modules.join(', ')}`]).status === 0) return python;
  console.log(`${what} not compared: set ${variable} to a Python with ${modules.join(' and ')}.`);
  return undefined;
}
