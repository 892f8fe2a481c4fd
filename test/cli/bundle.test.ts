/** The bundle of the command line, dist/bundle. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const bundle = fileURLToPath(new URL('../../dist/bundle', import.meta.url));

describe('dist/bundle', () => {
  it('comes with the license terms of every package that is inside', () => {
    const code = readdirSync(bundle)
      .filter((name) => /\.c?js$/.test(name))
      .map((name) => readFileSync(join(bundle, name), 'utf8'))
      .join('\n');
    // esbuild names each file that it puts in.
    const inside = new Set(
      [...code.matchAll(/^\s*(?:\/\/ |")node_modules\/((?:@[^/]+\/)?[^/]+)\//gm)].map(([, name]) => name),
    );
    assert.ok(inside.has('commander') && inside.has('@bufbuild/protobuf'), [...inside].join(', '));
    const terms = new Map(
      readFileSync(join(bundle, 'LICENSES.txt'), 'utf8')
        .split(/^-{80}\n\n/m)
        .map((each) => [/^(\S+) \d/.exec(each)?.[1], each.split('\n').slice(1).join('\n')]),
    );
    for (const name of inside) assert.match(terms.get(name) ?? '', /copyright/i, name);
    // A part of it has an owner and terms of its own.
    assert.match(
      terms.get('@bufbuild/protobuf')!,
      /Copyright 2008 Google Inc\.[^]*Redistributions in binary form must reproduce[^]*Copyright \S+ Buf Technologies/,
    );
  });
});
