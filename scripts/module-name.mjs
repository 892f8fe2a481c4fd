import systemPath from 'node:path';

/**
 * The name of a module within a folder, with slashes on every system: what `specifier`, relative to `from`,
 * leads to. One outside the folder begins with `../`, or is absolute where it lies on another drive.
 */
export function moduleName(folder, from, specifier, path = systemPath) {
  return path.relative(folder, path.join(from, specifier)).split(path.sep).join('/');
}
