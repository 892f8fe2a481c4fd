import { webGpuEngine } from '#attune/engine/webgpu/node.js';
import { describeGoldenTraining } from '../../support/tiny-gpt2-golden.js';
import { needsWebGpu } from '../../support/webgpu.js';

describeGoldenTraining(webGpuEngine, await needsWebGpu());
