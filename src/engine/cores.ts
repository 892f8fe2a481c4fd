import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/**
 * Cores that this process may use: those of its affinity mask, and no more than its control group's CPU quota
 * (a container with 2 of 64 cores must not start 64 threads).
 */
export function usableCores(): number {
  return Math.max(1, Math.min(availableParallelism(), Math.ceil(quota())));
}

/**
 * cgroup v2 `cpu.max` ("quota period" or "max period"), else cgroup v1's two files; Infinity where there is
 * no limit or no Linux.
 */
function quota(): number {
  const v2 = read('/sys/fs/cgroup/cpu.max')?.split(/\s+/);
  if (v2) return v2[0] === 'max' ? Infinity : ratio(v2[0], v2[1]);
  return ratio(read('/sys/fs/cgroup/cpu/cpu.cfs_quota_us'), read('/sys/fs/cgroup/cpu/cpu.cfs_period_us'));
}

function ratio(limit: string | undefined, period: string | undefined): number {
  const cores = Number(limit) / Number(period);
  return cores > 0 ? cores : Infinity;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
