import { webGpuEngine } from '#attune/engine/webgpu/node.js';
import { testTinyGpt2Golden } from '../../support/tiny-gpt2-golden.js';

testTinyGpt2Golden(webGpuEngine);
