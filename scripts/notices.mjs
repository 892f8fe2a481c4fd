import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The terms of what a bundle holds of other packages, which have to go with it. */
export function notices(root, ...metafiles) {
  const folders = new Set();
  for (const { inputs } of metafiles) for (const input of Object.keys(inputs)) {
    // esbuild writes these with slashes on every system.
    const found = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
    if (found) folders.add(found);
  }
  return [...folders].sort().map((folder) => {
    const { name, version: of, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    const file = readdirSync(join(root, folder)).find((each) => /^licen[cs]e/i.test(each));
    return `${name} ${of} (${license})\n\n${file ? readFileSync(join(root, folder, file), 'utf8').trim() : ''}\n`;
  }).join(`\n${'-'.repeat(80)}\n\n`);
}
