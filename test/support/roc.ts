/** ROC curve of one class against the rest, by sorting; null and empty where it is undefined. */
export function classAuc(
  scores: readonly number[],
  positive: readonly boolean[],
): {
  readonly auc: number | null;
  readonly falsePositiveRate: number[];
  readonly truePositiveRate: number[];
} {
  const positives = positive.filter(Boolean).length;
  const negatives = positive.length - positives;
  if (positives === 0 || negatives === 0) return { auc: null, falsePositiveRate: [], truePositiveRate: [] };
  const order = scores.map((_, i) => i).sort((a, b) => scores[b] - scores[a]);
  const falsePositiveRate = [0];
  const truePositiveRate = [0];
  let [hits, alarms, auc] = [0, 0, 0];
  order.forEach((row, i) => {
    if (positive[row]) hits++;
    else alarms++;
    if (i + 1 < order.length && scores[order[i + 1]] === scores[row]) return;
    const [x, y] = [alarms / negatives, hits / positives];
    auc += ((x - falsePositiveRate.at(-1)!) * (y + truePositiveRate.at(-1)!)) / 2;
    falsePositiveRate.push(x);
    truePositiveRate.push(y);
  });
  return { auc, falsePositiveRate, truePositiveRate };
}
