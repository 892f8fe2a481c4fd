/** `process` as a module, for libraries that import it. */
import { process } from './globals.js';

export const { env, pid, platform, arch, browser, version, versions, cwd, emitWarning, nextTick } = process;
