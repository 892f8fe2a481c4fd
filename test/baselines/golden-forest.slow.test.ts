import { describe, it } from 'node:test';
import { RandomForestClassifier } from '#attune/baselines/random-forest.js';
import { goldenVectors } from '../support/golden-vectors.js';
import { assertClose } from '../support/numbers.js';
import { aucOf } from './scores.js';

describe('RandomForestClassifier', () => {
  it("has scikit-learn's mean AUC over 20 seeds on the vectors of the tweets", async (t) => {
    const golden = goldenVectors();
    if (!golden) return t.skip('../shared is not there');
    const aucs = [];
    for (let seed = 0; seed < 20; seed++) {
      const forest = new RandomForestClassifier({ trees: 200, seed });
      await forest.fit(golden.x, golden.y, 3);
      aucs.push(aucOf(golden.testY, await forest.predictProba(golden.test), 3));
    }
    // scikit-learn 1.2.1 with random_state 0 to 19: 0.5916, standard deviation 0.0119.
    assertClose([aucs.reduce((sum, auc) => sum + auc, 0) / aucs.length], [0.5916], 0.01, 'AUC');
  });
});
