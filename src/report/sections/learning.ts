import type { Series } from '../charts/curves.js';
import { curveChart } from '../charts/curves.js';
import { duration, fixed, grouped, significant } from '../figures.js';
import type { Markup } from '../markup.js';
import { html } from '../markup.js';
import { numberCells, numberHeads, table } from '../tables.js';
import type { EvalRecord, FinalRecord, LogRecord } from '../../train/records.js';
import { isEvalRecord, isFinalRecord, isTrainRecord } from '../../train/records.js';
import type { Section } from './section.js';
import { charts, reading, wide } from './section.js';

const SPEED = /_(runtime|samples_per_second|steps_per_second)$/;

/** What is written otherwise than as its key. */
const METRIC_NAMES: ReadonlyMap<string, string> = new Map([
  ['f1', 'F1'],
  ['auc', 'AUC'],
]);

/**
 * A number of a record; null where it was not finite, as trainer_state.json has it, or where the record, which
 * may be that of another program, lacks it.
 */
function valueOf(record: LogRecord, key: string): number | null {
  const value = (record as unknown as Readonly<Partial<Record<string, number | null>>>)[key];
  return value !== undefined && Number.isFinite(value) ? value : null;
}

/** Loss, metrics, gradient norm and learning rate over the steps; what has no records yet is left out. */
export function learningFigures(history: readonly LogRecord[]): Markup[] {
  const train = history.filter(isTrainRecord);
  const evaluations = history.filter(isEvalRecord);
  const epochEnds = evaluations.map(({ step }) => step);
  const of = (records: readonly LogRecord[], key: string): Series['points'] =>
    records.flatMap((record) => {
      const value = valueOf(record, key);
      return value === null ? [] : [{ step: record.step, value }];
    });
  const gradients = of(train, 'grad_norm');
  const figures: Markup[] = [];
  const add = (title: string, unit: string, series: readonly Series[], log = false): void => {
    const known = series.filter(({ points }) => points.length > 0);
    if (known.length > 0) figures.push(curveChart({ title, unit, series: known, log, epochEnds }));
  };
  add('Loss', 'cross-entropy', [
    { name: 'training', points: of(train, 'loss'), style: 'raw' },
    { name: 'evaluation', points: of(evaluations, 'eval_loss'), style: 'dots' },
  ]);
  add(
    'Evaluation metrics',
    '',
    metricNames(evaluations).map((key) => ({
      name: metricName(key),
      points: of(evaluations, key),
      style: 'dots',
    })),
  );
  add(
    'Gradient norm before clipping',
    'L2 norm',
    [{ name: 'gradient norm', points: gradients, style: 'raw' }],
    spansDecades(gradients),
  );
  add('Learning rate', '', [{ name: 'learning rate', points: of(train, 'learning_rate'), style: 'line' }]);
  return figures;
}

const LOSS =
  'The training loss should fall and flatten; the faint line is what was recorded, ' +
  'the bold one its running mean. If the evaluation loss rises while the training loss still falls, ' +
  'the model learns rows by heart: fewer epochs, more dropout or more rows help. ' +
  'If neither falls, the learning rate is too small or too large.';

const GRADIENTS =
  'The gradient norm is how strongly a step pulls; ' +
  'single peaks are normal and are clipped, a steady climb announces divergence. ' +
  'The learning rate shows warmup and decay as they were set. Dotted rules mark evaluations.';

/** How a run went, from its records; undefined where there are none. */
export function learningSection(history: readonly LogRecord[]): Section | undefined {
  const evaluations = history.filter(isEvalRecord);
  if (evaluations.length === 0 && !history.some(isTrainRecord)) return undefined;
  const final = history.findLast(isFinalRecord);
  return {
    id: 'learning',
    title: 'How the fine-tuning went',
    body: html`${final && summary(final)}${charts(learningFigures(history))}
${reading(LOSS, GRADIENTS)}
${evaluations.length > 0 && evaluationTable(evaluations)}`,
  };
}

function summary(record: FinalRecord): Markup {
  const [epoch, seconds] = [valueOf(record, 'epoch'), valueOf(record, 'train_runtime')];
  const extent = [
    `${grouped(record.step)} steps`,
    epoch !== null && `${significant(epoch)} epochs`,
    seconds !== null && duration(seconds),
  ].filter((part) => part !== false);
  const loss = fixed(valueOf(record, 'train_loss'), 4);
  return html`<p>${extent.join(', ')}; mean training loss ${loss}.</p>`;
}

const metricNames = (evaluations: readonly EvalRecord[]): string[] =>
  [...new Set(evaluations.flatMap((record) => Object.keys(record)))].filter(
    (key) => key.startsWith('eval_') && key !== 'eval_loss' && !SPEED.test(key),
  );

/** A metric without a name goes by its key. */
function metricName(key: string): string {
  const name = key.slice('eval_'.length);
  return METRIC_NAMES.get(name) ?? (name.replaceAll('_', ' ') || key);
}

function spansDecades(points: Series['points']): boolean {
  const values = points.map(({ value }) => value);
  return Math.min(...values) > 0 && Math.max(...values) / Math.min(...values) > 20;
}

function evaluationTable(evaluations: readonly EvalRecord[]): Markup {
  const names = metricNames(evaluations);
  const titles = names.map(metricName).map((title) => title[0].toUpperCase() + title.slice(1));
  const rows = evaluations.map((record) => {
    const metrics = names.map((key) => metric(record, key));
    const figures = [fixed(valueOf(record, 'epoch'), 2), fixed(valueOf(record, 'eval_loss'), 4), ...metrics];
    const step = grouped(record.step);
    return html`<tr><th scope="row" class="number">${step}</th>${numberCells(...figures)}</tr>`;
  });
  const caption = 'Evaluations during the run';
  const heads = numberHeads('Step', 'Epoch', 'Loss', ...titles);
  return wide('Evaluations', table({ kind: 'small', caption, heads, rows }));
}

function metric(record: EvalRecord, key: string): string {
  const value = valueOf(record, key);
  return value === null ? 'undefined' : fixed(value, 4);
}
