/**
 * Whether the tests of the GPU engine can run here: on a GPU, or on SwiftShader. scripts/test.mjs points Vulkan to
 * SwiftShader if Debian's chromium is installed.
 */
import { findAdapter } from '#attune/engine/webgpu/node.js';

/** The reason to skip tests of the GPU engine, or false. */
export async function needsWebGpu(): Promise<string | false> {
  const found = await findAdapter();
  return 'reason' in found ? `${found.reason}; Debian's package chromium brings a software one` : false;
}
