import { referenceEngine } from '#attune/engine/reference/session.js';
import { describeExplanations, describeGoldenTraining } from '../../support/tiny-gpt2-golden.js';

describeGoldenTraining(referenceEngine);
describeExplanations(referenceEngine);
