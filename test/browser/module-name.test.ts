/** The build for the browser gives each module the same name on every system. */
import assert from 'node:assert/strict';
import { posix, win32 } from 'node:path';
import { describe, it } from 'node:test';

const script: string = new URL('../../scripts/module-name.mjs', import.meta.url).href;
const { moduleName } = (await import(script)) as {
  readonly moduleName: (folder: string, from: string, specifier: string, path?: typeof posix) => string;
};

describe('moduleName', () => {
  it('returns the same name for POSIX and Windows paths', () => {
    assert.equal(moduleName('/a/dist', '/a/dist/engine/webgpu', './dawn.js', posix), 'engine/webgpu/dawn.js');
    assert.equal(
      moduleName('C:\\a\\dist', 'C:\\a\\dist\\engine\\webgpu', './dawn.js', win32),
      'engine/webgpu/dawn.js',
    );
    assert.equal(
      moduleName('C:\\a\\dist', 'C:\\a\\dist\\train', '../hub/repository.js', win32),
      'hub/repository.js',
    );
    assert.equal(moduleName('/a/dist', '/a/dist', './version.js', posix), 'version.js');
  });

  it('returns a path out of the folder for modules outside it', () => {
    assert.equal(
      moduleName('/a/dist', '/a/node_modules/x', './version.js', posix),
      '../node_modules/x/version.js',
    );
    assert.equal(
      moduleName('C:\\a\\dist', 'C:\\a\\node_modules\\x', './version.js', win32),
      '../node_modules/x/version.js',
    );
    assert.equal(moduleName('C:\\dist', 'D:\\x', './version.js', win32), 'D:/x/version.js');
  });
});
