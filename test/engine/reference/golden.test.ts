import { referenceEngine } from '#attune/engine/reference/session.js';
import { testTinyGpt2Explained, testTinyGpt2Golden } from '../../support/tiny-gpt2-golden.js';

testTinyGpt2Golden(referenceEngine);
testTinyGpt2Explained(referenceEngine);
