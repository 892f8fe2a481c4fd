import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The terms of what a bundle holds of other packages, which have to go with it. */
export function notices(root, ...metafiles) {
  /** Folder of a package -> its files that are inside. */
  const packages = new Map();
  for (const { inputs } of metafiles)
    for (const input of Object.keys(inputs)) {
      // esbuild writes these with slashes on every system.
      const found = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
      if (found) packages.set(found, [...(packages.get(found) ?? []), input]);
    }
  return [...packages]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([folder, files]) => {
      const {
        name,
        version: of,
        license,
      } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
      const file = readdirSync(join(root, folder)).find((each) => /^licen[cs]e/i.test(each));
      const terms = file
        ? readFileSync(join(root, folder, file), 'utf8').trim()
        : headersOf(files.map((each) => join(root, each)));
      if (terms === '')
        throw new Error(
          `${name}: neither a file nor the heads of its sources say on what terms it is in a bundle`,
        );
      return `${name} ${of} (${license})\n\n${terms}\n`;
    })
    .join(`\n${'-'.repeat(80)}\n\n`);
}

/**
 * What a package without a file of its licence says of it at the head of its sources; bundling takes these
 * comments away.
 */
function headersOf(files) {
  const headers = files
    .map((file) => /^(?:\/\/.*\r?\n)+/.exec(readFileSync(file, 'utf8'))?.[0] ?? '')
    .filter((header) => /copyright/i.test(header));
  return [...new Set(headers.map((header) => header.replace(/^\/\/ ?/gm, '').trim()))].sort().join('\n\n');
}
