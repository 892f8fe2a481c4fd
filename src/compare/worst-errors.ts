/** The rows that the fine-tuned model was most wrong about, with the opinion of every model. */
import type { TextClassifier } from '../train/classifier.js';
import type { WorstError } from './comparison.js';
import type { Predictions } from './quality.js';
import type { Contestant } from './verdict.js';

const WORST_ERRORS = 12;

export async function worstErrors(
  classifier: TextClassifier,
  texts: readonly string[],
  labels: Int32Array,
  results: readonly Contestant[],
  tuned: string,
  signal: AbortSignal | undefined,
): Promise<WorstError[]> {
  const ofTruth = ({ probabilities }: Predictions, row: number): number =>
    probabilities[(row * probabilities.length) / labels.length + labels[row]];
  const own = results.find(({ result }) => result.id === tuned)!.predictions;
  const wrong = Array.from(labels.keys()).filter((row) => own.labels[row] !== labels[row]);
  const rows = wrong.sort((a, b) => ofTruth(own, a) - ofTruth(own, b) || a - b).slice(0, WORST_ERRORS);
  const explained = await classifier.explain(
    rows.map((row) => texts[row]),
    { signal },
  );
  return rows.map((row, i) => ({
    row,
    text: texts[row],
    label: labels[row],
    opinions: Object.fromEntries(
      results.map(({ result, predictions }) => [
        result.id,
        { label: predictions.labels[row], probabilityOfTruth: ofTruth(predictions, row) },
      ]),
    ),
    attributions: explained[i].attributions,
  }));
}
