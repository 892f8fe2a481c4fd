import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, it } from 'node:test';
import { UsageError } from '#attune/errors.js';
import { realPath, refuseOverlap } from '#attune/overlap.js';
import { folder } from './support/folder.js';

const skip = process.platform === 'win32' && 'links are made in another way';
const overlaps = (output: string, path: string | undefined): Promise<boolean> =>
  refuseOverlap(output, [{ what: 'the model', path }], (name) => name === 'made').then(
    () => false,
    (error: unknown) => {
      assert.ok(error instanceof UsageError && error.message.includes('the model'), String(error));
      return true;
    },
  );

describe('refuseOverlap', () => {
  it('follows links and takes any spelling of a path', { skip }, async (t) => {
    const dir = folder(t);
    const at = (name: string): string => join(dir, name);
    for (const name of ['out/made/deep', 'out/beside', 'out-too', 'model'])
      mkdirSync(at(name), { recursive: true });
    symlinkSync('out', at('link'));
    symlinkSync(join('..', 'out', 'made'), at('model/inside'));
    for (const output of [
      at('out'),
      `${at('out')}/`,
      at('link'),
      `${dir}/model/../out/.`,
      relative(process.cwd(), at('out')),
    ]) {
      for (const input of ['out', 'link', 'out/made', 'out/made/deep', 'link/made', 'model/inside'])
        assert.equal(await overlaps(output, at(input)), true, `${output} ${input}`);
      for (const input of ['out/beside', 'out-too', 'model', '.', 'none'])
        assert.equal(await overlaps(output, at(input)), false, `${output} ${input}`);
    }
    mkdirSync(at('linked'));
    writeFileSync(at('out/made/weights'), '');
    symlinkSync(join('..', 'out', 'made', 'weights'), at('linked/weights'));
    assert.equal(
      await overlaps(at('out'), at('linked')),
      true,
      'a file in the model’s folder is a link into the output',
    );
    assert.equal(await overlaps(at('not-yet'), at('out')), false);
    assert.equal(await overlaps(at('out'), undefined), false);
    assert.equal(await overlaps(at('out'), ''), false);
  });
});

describe('realPath', () => {
  it('is known of what is not there yet', { skip }, async (t) => {
    const dir = folder(t);
    mkdirSync(join(dir, 'real'));
    symlinkSync('real', join(dir, 'link'));
    assert.equal(await realPath(join(dir, 'link', 'a', 'b')), join(await realPath(dir), 'real', 'a', 'b'));
  });
});
