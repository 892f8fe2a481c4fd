import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { UsageError } from '#attune/errors/attune-error.js';
import { realPath, refuseOverlap } from '#attune/overlap.js';
import { folder } from './support/folder.js';
import { refusal } from './support/refusal.js';

const skip = process.platform === 'win32' && 'links are made in another way';

/**
 * Whether the output is refused because of an input at `path`, and if so, whether because that is the folder
 * itself; only what is called `made` is overwritten.
 */
const overlaps = (outputDir: string, path: string | undefined): Promise<false | 'is it' | 'is in it'> =>
  refuseOverlap(outputDir, [{ what: 'the model', path }], (name) => name === 'made').then(
    () => false,
    (error: UsageError) => {
      refusal(UsageError, 'output-overlaps-input', { outputDir, what: 'the model', path: path! })(error);
      return error.facts['isFolder'] === true ? 'is it' : 'is in it';
    },
  );

/** An output folder `out` with folders beside it, and links to and into it. Returns the path of a name. */
function outputFolder(t: TestContext): (name: string) => string {
  const dir = folder(t);
  const at = (name: string): string => join(dir, name);
  for (const name of ['out/made/deep', 'out/beside', 'out-too', 'model'])
    mkdirSync(at(name), { recursive: true });
  symlinkSync('out', at('link'));
  symlinkSync(join('..', 'out', 'made'), at('model/inside'));
  return at;
}

/** Five spellings of the output folder. */
const spellings = (at: (name: string) => string): string[] => [
  at('out'),
  `${at('out')}/`,
  at('link'),
  `${at('.')}/model/../out/.`,
  relative(process.cwd(), at('out')),
];

describe('refuseOverlap', { skip }, () => {
  it('refuses an input that the output would overwrite, however either is spelled', async (t) => {
    const at = outputFolder(t);
    for (const output of spellings(at))
      for (const [input, found] of [
        ['out', 'is it'],
        ['link', 'is it'],
        ['out/made', 'is in it'],
        ['out/made/deep', 'is in it'],
        ['link/made', 'is in it'],
        ['model/inside', 'is in it'],
      ] as const)
        assert.equal(await overlaps(output, at(input)), found, `${output} ${input}`);
  });

  it('accepts an input that the output leaves alone', async (t) => {
    const at = outputFolder(t);
    for (const output of spellings(at))
      for (const input of ['out/beside', 'out-too', 'model', '.', 'none'])
        assert.equal(await overlaps(output, at(input)), false, `${output} ${input}`);
  });

  it('refuses an input folder that holds a link to a file of the output', async (t) => {
    const at = outputFolder(t);
    mkdirSync(at('linked'));
    writeFileSync(at('out/made/weights'), '');
    symlinkSync(join('..', 'out', 'made', 'weights'), at('linked/weights'));
    assert.equal(await overlaps(at('out'), at('linked')), 'is in it');
  });

  it('accepts an output folder that does not exist yet, and an input that is not given', async (t) => {
    const at = outputFolder(t);
    assert.equal(await overlaps(at('not-yet'), at('out')), false);
    assert.equal(await overlaps(at('out'), undefined), false);
    assert.equal(await overlaps(at('out'), ''), false);
  });
});

describe('realPath', { skip }, () => {
  it('resolves the links of a path that does not exist yet', async (t) => {
    const dir = folder(t);
    mkdirSync(join(dir, 'real'));
    symlinkSync('real', join(dir, 'link'));
    assert.equal(await realPath(join(dir, 'link', 'a', 'b')), join(await realPath(dir), 'real', 'a', 'b'));
  });
});
