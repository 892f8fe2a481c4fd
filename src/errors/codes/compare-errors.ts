/** What is wrong with a comparison, its metrics and its report. */
import type { PartObstacle } from '../phrases/obstacle.js';
import { obstacleText } from '../phrases/obstacle.js';
import { worded } from '../wording.js';

export const COMPARE_ERRORS = {
  'comparison-without-test-rows': worded<{ finetuned: boolean; obstacle: PartObstacle | undefined }>({
    says: ({ obstacle }) =>
      obstacle === undefined
        ? 'a comparison needs test rows'
        : `a comparison needs test rows, and no test rows are parted off: ${obstacleText(obstacle)}`,
    hint: ({ finetuned, obstacle }, { argument, given }) => {
      const others = `give ${argument('evalDataset')} or a folder with train.* and test.*.`;
      return finetuned || obstacle !== undefined
        ? `Rows that it has not learned from: ${others}`
        : `Part some of the training rows off with ${given('testSize', 0.2)}, or ${others}`;
    },
  }),
};
