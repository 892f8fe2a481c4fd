import assert from 'node:assert/strict';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { usableCores } from '#attune/engine/cores.js';

const V2 = '/sys/fs/cgroup/cpu.max';
const V1_QUOTA = '/sys/fs/cgroup/cpu/cpu.cfs_quota_us';
const V1_PERIOD = '/sys/fs/cgroup/cpu/cpu.cfs_period_us';

/** Usable cores on a computer with `cores` cores and these files of the control group, and no others. */
function coresOf(t: TestContext, cores: number, files: Readonly<Record<string, string>>): number {
  const mocks = [
    t.mock.method(os, 'availableParallelism', () => cores),
    t.mock.method(fs, 'readFileSync', (path: string) => {
      if (path in files) return files[path];
      throw new Error(`ENOENT: ${path}`);
    }),
  ];
  syncBuiltinESMExports();
  try {
    return usableCores();
  } finally {
    for (const { mock } of mocks) mock.restore();
    syncBuiltinESMExports();
  }
}

describe('usableCores', () => {
  it('is a whole number from 1 to availableParallelism() on this computer', () => {
    const cores = usableCores();
    assert.ok(Number.isInteger(cores) && cores >= 1 && cores <= os.availableParallelism());
  });

  it('rounds the CPU quota of the control group up to whole cores', (t) => {
    assert.equal(coresOf(t, 64, { [V2]: '200000 100000\n' }), 2);
    assert.equal(coresOf(t, 64, { [V2]: '150000 100000\n' }), 2);
    assert.equal(coresOf(t, 64, { [V2]: '10000 100000\n' }), 1);
    assert.equal(coresOf(t, 2, { [V2]: '800000 100000\n' }), 2);
    assert.equal(coresOf(t, 64, { [V1_QUOTA]: '300000\n', [V1_PERIOD]: '100000\n' }), 3);
  });

  it('is the number of all cores if there is no quota', (t) => {
    assert.equal(coresOf(t, 64, { [V2]: 'max 100000\n' }), 64);
    assert.equal(coresOf(t, 64, { [V1_QUOTA]: '-1\n', [V1_PERIOD]: '100000\n' }), 64);
    assert.equal(coresOf(t, 64, {}), 64);
    assert.equal(coresOf(t, 64, { [V2]: 'nonsense' }), 64);
  });
});
