import { onnxEngine } from '#attune/engine/onnx/session.js';
import { testTinyGpt2Explained, testTinyGpt2Golden } from '../../support/tiny-gpt2-golden.js';

testTinyGpt2Golden(onnxEngine);
testTinyGpt2Explained(onnxEngine);
