import { readdirSync } from 'node:fs';

/**
 * Why this machine has no GPU for sure, or undefined. On Linux the devices are looked for: without any,
 * loading Vulkan would only take time and print the driver's complaints.
 */
export function noGpuDevice(): string | undefined {
  return process.platform === 'linux' && !hasLinuxGpu()
    ? 'this machine has no GPU device (/dev/dri, /dev/nvidia*, /dev/dxg)'
    : undefined;
}

function hasLinuxGpu(): boolean {
  const names = (folder: string): string[] => {
    try {
      return readdirSync(folder);
    } catch {
      return [];
    }
  };
  return (
    names('/dev').some((name) => /^(nvidia\d+|dxg)$/.test(name)) ||
    names('/dev/dri').some((name) => name.startsWith('renderD'))
  );
}
