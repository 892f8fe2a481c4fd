/** What attune uses of node:path, as on POSIX; the current folder is `/`. */

export const sep = '/';

/** Without `.`, `..` and doubled slashes. */
function normalize(path: string): string {
  const absolute = path.startsWith('/');
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (!absolute) parts.push(part);
  }
  const joined = parts.join('/');
  return absolute ? `/${joined}` : joined || '.';
}

export const join = (...parts: string[]): string => normalize(parts.filter((part) => part !== '').join('/'));

export function resolve(...parts: string[]): string {
  let path = '';
  for (const part of parts) path = part.startsWith('/') ? part : `${path}/${part}`;
  return normalize(`/${path}`);
}

const trimmed = (path: string): string => path.replace(/\/+$/, '');

export const basename = (path: string): string => trimmed(path).replace(/^.*\//s, '');

export function dirname(path: string): string {
  const whole = trimmed(path);
  const at = whole.lastIndexOf('/');
  if (at < 0) return path.startsWith('/') ? '/' : '.';
  return whole.slice(0, at) || '/';
}

export const win32 = {
  basename: (path: string): string => path.replace(/[\\/]+$/, '').replace(/^(?:.*[\\/]|[A-Za-z]:)/s, ''),
} as const;
