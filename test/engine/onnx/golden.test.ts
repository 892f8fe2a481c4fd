import { onnxEngine } from '#attune/engine/onnx/session.js';
import { describeExplanations, describeGoldenTraining } from '../../support/tiny-gpt2-golden.js';

describeGoldenTraining(onnxEngine);
describeExplanations(onnxEngine);
