/** Numbers, times and records as the command line shows them. */
import type { LogRecord } from '../train/records.js';
import { isEvalRecord, isTrainRecord } from '../train/records.js';

/** Seconds as 0:54, 12:03 or 1:02:03. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value: number): string => String(value).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Bytes as 831 B, 12.3 kB, 548 MB or 1.24 GB (powers of 1000, as the Hub's pages count). */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const exponent = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3 + 1e-9));
  const value = bytes / 1000 ** exponent;
  return `${exponent === 0 ? value.toFixed(0) : significant(value, 3)} ${units[exponent]}`;
}

/** Steps in a time: "8.1 steps/s", or "2.3 s/step" where it takes longer than a second. */
export function formatRate(perSecond: number, unit = 'step'): string {
  return perSecond >= 1
    ? `${significant(perSecond, 2)} ${unit}s/s`
    : `${significant(1 / perSecond, 2)} s/${unit}`;
}

/** At least `digits` significant digits, no exponent. */
function significant(value: number, digits: number): string {
  const before = Math.floor(Math.log10(Math.max(value, 1e-12))) + 1;
  return value.toFixed(Math.min(20, Math.max(0, digits - before)));
}

/** 9e-7 as 9.00e-7, so that a column of learning rates lines up. */
const scientific = (value: number): string => (value === 0 ? '0' : value.toExponential(2));

const metric = (value: number | null): string => (value === null ? 'undefined' : value.toFixed(4));

/** Keys of records that say how fast something was, not how good. */
const SPEED = /_(runtime|samples_per_second|steps_per_second)$/;

/** One line for a record. */
export function formatRecord(record: LogRecord, totalSteps: number): string {
  const step = String(record.step).padStart(String(totalSteps).length);
  const place = `step ${step}/${totalSteps}  epoch ${record.epoch.toFixed(2)}`;
  if (isTrainRecord(record)) {
    const [loss, gradNorm] = [record.loss.toFixed(4), record.grad_norm.toFixed(2)];
    return `${place}  loss ${loss}  grad norm ${gradNorm}  lr ${scientific(record.learning_rate)}`;
  }
  if (isEvalRecord(record)) {
    const metrics = Object.entries(record).filter(([key]) => key.startsWith('eval_') && !SPEED.test(key));
    const named = metrics.map(
      ([key, value]: [string, number | null]) => `${key.slice('eval_'.length)} ${metric(value)}`,
    );
    return `${place}  evaluation: ${named.join('  ')}  (${record.eval_runtime.toFixed(1)} s)`;
  }
  return `${place}  done in ${formatDuration(record.train_runtime)}, mean loss ${record.train_loss.toFixed(4)}`;
}
