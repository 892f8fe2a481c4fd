/** What the figures of a comparison mean and how each is to be read: told once, for the terminal and the page. */

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
    meaning: 'probability that a row of a class is scored above a row of another; 0.5 is guessing, 1 is perfect',
    reading: 'AUC is the probability that a row of a class is scored above a row of another: 0.5 is guessing, 1 is perfect.',
  },
  ece: {
    name: 'ECE',
    meaning: 'how far stated confidence lies from the truth on average; 0 is honest',
    reading: 'ECE is how far stated confidence lies from the truth on average: 0 is honest.',
  },
  interval: {
    name: '95 % interval',
    meaning: 'where a figure would mostly lie if other test rows were drawn (bootstrap)',
    reading:
      'The dot is what was measured on the test rows; the bar is where it would mostly lie if other test rows were drawn (95 % bootstrap interval). Bars that overlap do not yet mean a tie, because all models answer the same rows: the paired tests in the table decide that.',
  },
  paired: {
    name: 'p against the best',
    meaning: 'how rare so large a difference in F1 on the same rows would be, were both models equally good',
    reading:
      'The differences to the best are paired: they look at the same rows. A p below 0.05 says that so large a difference would be rare if the models were equally good; with several models compared, expect one in twenty to look so by chance. McNemar’s test counts the rows that only one of the two had right.',
  },
  roc: {
    name: 'ROC curve',
    meaning: 'how many of a class’s rows are found, against how many others are taken for them, threshold by threshold',
    reading:
      'For each class, the model’s probability is taken as a score, and a threshold is moved from strict to lenient. Each point of a curve is one threshold: how many of the class’s rows it finds, against how many others it takes for them. The nearer a curve is to the upper left, the better; the diagonal is guessing. AUC is the area below the curve. Where curves cross, the better model depends on how many false alarms you can bear.',
  },
  calibration: {
    name: 'calibration',
    meaning: 'whether rows called 80 % sure are right 80 % of the time',
    reading:
      'Rows are grouped by how sure the model was of its answer. A dot on the diagonal is honest: of the rows it called 80 % sure, 80 % were right. Below the diagonal the model is too sure of itself, above it too modest. Large dots hold many rows; small ones say little, and the line leaves out those of fewer than five. ECE, the expected calibration error, is the mean distance from the diagonal, weighted by rows. It matters where a probability decides what happens next, such as whether a person looks at the case.',
  },
  cost: {
    name: 'cost',
    meaning: 'latency: median time of one text alone; size: every file that prediction needs',
    reading:
      'Latency is the median time of one text alone, from text to class; rows a second are for all test rows at once. Size is every file that prediction needs; memory is the most that the process held while the model was trained.',
  },
} as const satisfies Readonly<Record<string, Figure>>;
