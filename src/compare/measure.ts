/** What a model costs: time and memory, measured in this process. */
import { Pace } from '../pace.js';

export interface Measured<T> {
  readonly value: T;
  readonly seconds: number;
  /** Highest resident memory of the process meanwhile, the file pages of its libraries included. */
  readonly peakMemoryBytes: number;
}

/**
 * Runs work and measures it. Memory is looked at ten times a second, and the system's own record is asked
 * whether it rose in between.
 */
export async function measured<T>(work: () => Promise<T>): Promise<Measured<T>> {
  const highest = (): number => process.resourceUsage().maxRSS * 1024;
  const before = highest();
  let peak = process.memoryUsage.rss();
  const look = (): void => {
    peak = Math.max(peak, process.memoryUsage.rss());
  };
  const timer = setInterval(look, 100);
  timer.unref();
  const started = performance.now();
  try {
    const value = await work();
    const seconds = (performance.now() - started) / 1000;
    look();
    const after = highest();
    return { value, seconds, peakMemoryBytes: after > before ? Math.max(after, peak) : peak };
  } finally {
    clearInterval(timer);
  }
}

/** Texts timed one by one, after a few that warm up. */
const LATENCY_TEXTS = 50;
const WARM_UP = 3;
/** Repeats of a fast run, so that one pause does not decide. */
const LONGEST_REPEATING_MS = 500;
const MOST_REPEATS = 5;

/**
 * Median time of one text alone, and texts a second when all are given at once (the median of up to five
 * runs, where they are fast).
 *
 * @param predict from texts to classes
 */
export async function predictionSpeed(
  texts: readonly string[],
  predict: (texts: readonly string[]) => Promise<unknown>,
  signal?: AbortSignal,
): Promise<{ readonly latencyMs: number; readonly rowsPerSecond: number }> {
  const stride = Math.max(1, Math.floor(texts.length / LATENCY_TEXTS));
  const chosen = texts.filter((_, i) => i % stride === 0).slice(0, LATENCY_TEXTS);
  const pace = new Pace(signal);
  const single: number[] = [];
  for (const [i, text] of [...chosen.slice(0, WARM_UP), ...chosen].entries()) {
    if (pace.due) await pace.rest();
    const started = performance.now();
    await predict([text]);
    if (i >= Math.min(WARM_UP, chosen.length)) single.push(performance.now() - started);
  }
  const all: number[] = [];
  for (
    let spent = 0;
    all.length === 0 || (spent < LONGEST_REPEATING_MS && all.length < MOST_REPEATS);
    spent += all[all.length - 1]
  ) {
    await pace.rest();
    const started = performance.now();
    await predict(texts);
    all.push(performance.now() - started);
  }
  return { latencyMs: median(single), rowsPerSecond: (texts.length * 1000) / Math.max(median(all), 1e-3) };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
