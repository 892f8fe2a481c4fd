/**
 * What the figures of a comparison mean and how each is to be read: told once, for the terminal and the page.
 */

export interface Figure {
  readonly name: string;
  /** One line. */
  readonly meaning: string;
  /** How to read it, what to beware of. */
  readonly reading: string;
}

export const FIGURES = {
  accuracy: {
    name: 'accuracy',
    meaning: 'share of rows whose class was guessed right',
    reading: 'Accuracy is the share of rows whose class was guessed right.',
  },
  f1: {
    name: 'F1',
    meaning: 'balances false alarms and misses within each class, classes weighted by their rows',
    reading: 'F1 balances false alarms and misses within each class, classes weighted by their rows.',
  },
  auc: {
    name: 'AUC',
    meaning:
      'probability that a row of a class is scored above a row of another; 0.5 is guessing, 1 is perfect',
    reading:
      'AUC is the probability that a row of a class is scored above a row of another: 0.5 is guessing, 1 is perfect.',
  },
  ece: {
    name: 'ECE',
    meaning: 'how far stated confidence lies from the truth on average; 0 is honest',
    reading: 'ECE is how far stated confidence lies from the truth on average: 0 is honest.',
  },
  interval: {
    name: '95 % interval',
    meaning: 'where the metric of all such texts may lie, as far as this many test rows can tell',
    reading:
      'The dot is what was measured on the test rows, the bar a 95 % interval: exact for accuracy ' +
      '(Clopper and Pearson), by the effective number of rows for F1 (Korn and Graubard), ' +
      'by bootstrap percentiles for AUC (of a perfect one, the bound of a share). ' +
      'Each bar is of one model by itself. ' +
      'Bars that overlap say nothing of a tie, because all models answer the same rows.',
  },
  againstBest: {
    name: 'F1 against best',
    meaning:
      'bounds of F1 minus the highest F1 of the others, for all models at once; ' +
      'above 0 at the right end: it may be the best',
    reading:
      'Each bar is a model’s F1 minus the highest F1 of the other models, on the same rows, ' +
      'with bounds that hold for all models at once (multiple comparisons with the best, by the bootstrap). ' +
      'A bar that ends left of 0 is of a model that is shown to be worse than the best; ' +
      'the others are the best set. ' +
      'A bar that begins right of the margin is of a model that is shown to lose at most the margin. ' +
      'A bar that does neither is undecided: that it may be as good does not say that it is. ' +
      'At most one comparison in twenty leaves a model that is among the best out of the best set, ' +
      'and at most one in twenty says of a model that it is within the margin when it is not.',
  },
  seeds: {
    name: 'other seeds',
    meaning: 'the same fine-tuning with another new head, row order and dropout',
    reading:
      'A seed draws the new head, the order of the rows and the dropout masks; everything else is the same. ' +
      'Where F1 varies more from seed to seed than from one set of test rows to another, ' +
      'training once more may change more than any interval here says. ' +
      'Do not pick the seed that is highest on these test rows: ' +
      'its F1 would be too high because it was picked for it. ' +
      'A standard deviation of three values is itself rough, ' +
      'and may easily be half or twice what many seeds would show.',
  },
  roc: {
    name: 'ROC curve',
    meaning:
      'how many of a class’s rows are found, against how many others are taken for them, threshold by threshold',
    reading:
      'For each class, the model’s probability is taken as a score, ' +
      'and a threshold is moved from strict to lenient. ' +
      'Each point of a curve is one threshold: how many of the class’s rows it finds, ' +
      'against how many others it takes for them. ' +
      'The nearer a curve is to the upper left, the better; the diagonal is guessing. ' +
      'AUC is the area below the curve. ' +
      'Where curves cross, the better model depends on how many false alarms you can bear.',
  },
  calibration: {
    name: 'calibration',
    meaning: 'whether rows called 80 % sure are right 80 % of the time',
    reading:
      'Rows are grouped by how sure the model was of its answer. ' +
      'A dot on the diagonal is honest: of the rows it called 80 % sure, 80 % were right. ' +
      'Below the diagonal the model is too sure of itself, above it too modest. ' +
      'Large dots hold many rows; small ones say little, ' +
      'and the line leaves out those of fewer than five. ' +
      'ECE, the expected calibration error, is the mean distance from the diagonal, weighted by rows. ' +
      'It matters where a probability decides what happens next, ' +
      'such as whether a person looks at the case.',
  },
  cost: {
    name: 'cost',
    meaning: 'latency: median time of one text alone; size: every file that prediction needs',
    reading:
      'Latency is the median time of one text alone, from text to class; ' +
      'rows a second are for all test rows at once. ' +
      'Size is every file that prediction needs; ' +
      'memory is the most that the process held while the model was trained.',
  },
} as const satisfies Readonly<Record<string, Figure>>;
