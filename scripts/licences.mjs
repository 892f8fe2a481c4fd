// Writes docs/third-party.md, the licences of all that attune installs, from package-lock.json. `--check`
// compares instead and exits 1 where it is out of date.
import { readFileSync, writeFileSync } from 'node:fs';

const at = (path) => new URL(`../${path}`, import.meta.url);
const { packages } = JSON.parse(readFileSync(at('package-lock.json'), 'utf8'));
const rows = Object.entries(packages)
  .filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional)
  .map(([path, { version, license, optional }]) => {
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    return `| ${name} | ${version} | ${license ?? 'none stated'} |${optional ? ' optional' : ''} |`;
  })
  .sort();
const origin =
  'Made by `node scripts/licences.mjs` from package-lock.json; ' +
  'a test sees that it is current and that each licence is one that allows this use.';
const text = `# Licences of what attune installs

${origin}
attune itself: Apache-2.0 (LICENSE, NOTICE). Development tools are not listed.

| package | version | licence | |
|---|---|---|---|
${[...new Set(rows)].join('\n')}
`;
if (process.argv.includes('--check')) {
  if (readFileSync(at('docs/third-party.md'), 'utf8') !== text) {
    console.error('docs/third-party.md is out of date: run node scripts/licences.mjs');
    process.exit(1);
  }
} else writeFileSync(at('docs/third-party.md'), text);
