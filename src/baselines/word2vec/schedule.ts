/** Sentences that are trained with one learning rate. */
export interface Job {
  readonly first: number;
  /** One past the last sentence. */
  readonly end: number;
  readonly alpha: number;
}

export interface ScheduleOptions {
  readonly alpha: number;
  readonly minAlpha: number;
  readonly epochs: number;
  readonly batchWords: number;
}

/**
 * The jobs of one epoch, as gensim's producer cuts them: sentences up to `batchWords` words together; the
 * learning rate falls linearly with the sentences handed out before. Where the first sentence alone is
 * longer, an empty job comes first, which draws random numbers like any other.
 *
 * @param lengths words of each sentence, unknown ones included
 */
export function jobsOfEpoch(
  lengths: ArrayLike<number>,
  epoch: number,
  { alpha, minAlpha, epochs, batchWords }: ScheduleOptions,
): Job[] {
  const jobs: Job[] = [];
  let first = 0;
  let words = 0;
  const close = (end: number): void => {
    const progress = (epoch + first / lengths.length) / epochs;
    jobs.push({ first, end, alpha: Math.max(minAlpha, alpha - (alpha - minAlpha) * progress) });
    first = end;
    words = 0;
  };
  for (let i = 0; i < lengths.length; i++) {
    if (words + lengths[i] > batchWords) close(i);
    words += lengths[i];
  }
  if (first < lengths.length) close(lengths.length);
  return jobs;
}
