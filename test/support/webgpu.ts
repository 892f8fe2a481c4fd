/**
 * Whether the tests of the GPU engine can run here: on a GPU, or on SwiftShader, which scripts/test.mjs
 * points Vulkan to where Debian's chromium brings it.
 */
import { findAdapter } from '#attune/engine/webgpu/node.js';

/** Why not, or false. */
export async function needsWebGpu(): Promise<string | false> {
  const found = await findAdapter();
  return 'reason' in found ? `${found.reason}; Debian's package chromium brings a software one` : false;
}
