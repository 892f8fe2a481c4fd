/** What the page says of the browser and of a run, in sentences. */
import type { LogRecord } from './attune.js';
import { duration, bytes as fileSize, fixed, grouped } from '../../report/figures.js';
import type { FromWorker } from './protocol.js';

type Message<Type extends FromWorker['type']> = Extract<FromWorker, { readonly type: Type }>;

export const UNSUPPORTED_HINT =
  'The page computes by WebGPU. Use a current Chrome or Edge, Firefox from 141 on Windows (145 on a Mac), ' +
  'or Safari from 26, with hardware acceleration turned on; over https or from localhost. ' +
  'On Linux, Chrome may need chrome://flags/#enable-unsafe-webgpu. ' +
  'Without a GPU, attune train does the same on the command line.';

export function readyText({ adapter, software, model, bytes }: Message<'ready'>): string {
  const speed = software ? ', in software: this is slow' : '';
  return `Computes on ${adapter}${speed}. It starts from ${model} (${fileSize(bytes)}), loaded when you train.`;
}

/** @param history records of the run so far */
export function stepText(
  { step, steps, epoch, seconds }: Message<'step'>,
  history: readonly LogRecord[],
): string {
  const left = (seconds / step) * (steps - step);
  const time = step > 3 && left > 1 ? `, about ${duration(Math.round(left))} left` : '';
  return `Step ${grouped(step)} of ${grouped(steps)}, epoch ${fixed(epoch, 2)}${lastRecord(history)}${time}`;
}

/** The last training record in words. */
function lastRecord(history: readonly LogRecord[]): string {
  const last = history.findLast((record) => 'loss' in record) as { readonly loss: number } | undefined;
  return last ? `, loss ${fixed(last.loss, 3)}` : '';
}

export function trainedText({ step, steps, seconds, stopped }: Message<'trained'>): string {
  if (!stopped) return `Done: ${grouped(step)} steps in ${duration(seconds)}.`;
  return (
    `Stopped after step ${grouped(step)} of ${grouped(steps)} in ${duration(seconds)}. ` +
    'Continue goes on from there, with the rows and settings it began with.'
  );
}
