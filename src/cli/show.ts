/** What a run shows of its data, model and results, for people. */
import type { Dataset } from '../data/dataset.js';
import type { SplitInspection } from '../data/inspect.js';
import type { ClassificationMetrics } from '../metrics/classification.js';
import type { PretrainedModel } from '../model/pretrained.js';
import { elementCount } from '../model/parameters.js';
import { printStructure } from '../model/structure.js';
import type { Tokenizer } from '../text/tokenizer.js';
import { groupDigits, printable } from './layout.js';
import type { Terminal } from './terminal.js';

export function showDataset(terminal: Terminal, dataset: Dataset): void {
  const counts = dataset.labelNames.map(
    (name, label) =>
      `${printable(name)} ${groupDigits(dataset.rows.filter((row) => row.label === label).length)}`,
  );
  terminal.print(`  ${dataset.name}: ${groupDigits(dataset.length)} rows (${counts.join(', ')})`);
  terminal.print(`  from ${dataset.source}`, 'dim');
}

/**
 * The first rows with their token ids, decoded again, and decoded with the padding that the reference would
 * compute on and attune leaves out.
 */
export function showExamples(
  terminal: Terminal,
  dataset: Dataset,
  tokenizer: Tokenizer,
  maxLength: number,
  count: number,
): void {
  const padId = tokenizer.padTokenId;
  const pad = tokenizer.tokens([padId])[0];
  for (const [i, row] of dataset.rows.slice(0, count).entries()) {
    const encoded = tokenizer.encode(row.text, { maxLength });
    const ids = encoded.blind ? [] : [...encoded.ids];
    const padding = maxLength - ids.length;
    terminal.keyValue(
      [
        [`row ${i}`, row.text],
        ['label', `${row.label} (${dataset.labelNames[row.label]})`],
        ['token ids', `${ids.join(' ')}   (${ids.length} tokens)`],
        ['decoded', tokenizer.decode(ids)],
        ['padded', `${ids.join(' ')} ${padId} ${padId} …   (${maxLength} ids, ${padding} of them padding)`],
        ['decoded padding', `${tokenizer.decode(ids)}${pad}${pad} …`],
      ],
      2,
    );
    terminal.print();
  }
  terminal.paragraph(
    `Padding is what the reference adds so that rows fit into a rectangle (${pad}, the end-of-text token). ` +
      'attune lays rows end to end instead and computes no padding; the result is the same.',
    2,
  );
}

export function showModel(terminal: Terminal, model: PretrainedModel, structure: boolean): void {
  if (model.report)
    terminal.print(
      model.report
        .replaceAll('\t', ' ')
        .split('\n')
        .map((line) => `  ${line}`)
        .join('\n'),
    );
  if (model.newHead)
    terminal.warning(
      'the classification head (score.weight) is newly initialized: ' +
        'the model should be trained before it is used to predict.',
    );
  if (structure) {
    terminal.print();
    terminal.print(
      printStructure(model.config)
        .split('\n')
        .map((line) => `  ${line}`)
        .join('\n'),
    );
  }
  const parameters = model.graphs.parameters.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  const { nLayer, nEmbd, nHead, nPositions } = model.config;
  terminal.print(
    `  ${groupDigits(parameters)} parameters, ${nLayer} layers, ${nEmbd} wide, ${nHead} heads, ` +
      `up to ${nPositions} tokens`,
  );
}

const MEANINGS: readonly (readonly [
  key: 'loss' | 'accuracy' | 'f1' | 'auc',
  name: string,
  meaning: string,
])[] = [
  ['loss', 'loss', 'mean cross-entropy: how surprised the model is by the right answers; lower is better'],
  ['accuracy', 'accuracy', 'share of rows whose class was guessed right'],
  [
    'f1',
    'F1',
    'weighted: balances false alarms and misses within each class, classes weighted by their rows',
  ],
  [
    'auc',
    'AUC',
    'probability that a row of a class is scored above a row of another; 0.5 is guessing, 1 is perfect',
  ],
];

/** Metrics with what each means, the table of classes, and the confusion matrix. */
export function showMetrics(terminal: Terminal, metrics: ClassificationMetrics): void {
  terminal.table(
    [{ title: 'metric' }, { title: 'value', align: 'right' }, { title: 'what it means' }],
    MEANINGS.map(([key, name, meaning]) => [
      name,
      metrics[key] === null ? 'undefined' : metrics[key].toFixed(4),
      meaning,
    ]),
    2,
  );
  terminal.print();
  terminal.table(
    [
      { title: 'class', shrink: true },
      ...['precision', 'recall', 'F1', 'rows'].map((title) => ({ title, align: 'right' as const })),
    ],
    metrics.perClass.map(({ label, precision, recall, f1, support }) => [
      label,
      precision.toFixed(3),
      recall.toFixed(3),
      f1.toFixed(3),
      groupDigits(support),
    ]),
    2,
  );
  terminal.print();
  terminal.print('  confusion: true classes down, predicted classes across', 'dim');
  const names = metrics.perClass.map(({ label }) => label);
  terminal.table(
    [
      { title: '', shrink: true },
      ...names.map((title) => ({ title, align: 'right' as const, shrink: true })),
    ],
    metrics.confusion.map((row, i) => [names[i], ...row.map(groupDigits)]),
    2,
  );
}

export function showSplitInspection(terminal: Terminal, split: SplitInspection, maxLength: number): void {
  const { lengths, truncated, duplicates, emptyTexts } = split;
  const rowList = (rows: readonly number[]): string =>
    rows.length === 0 ? '' : ` (row ${rows.slice(0, 8).join(', ')}${rows.length > 8 ? ', …' : ''})`;
  terminal.heading(`${split.name}: ${groupDigits(split.rows)} rows`);
  terminal.print(`  from ${split.source}`, 'dim');
  terminal.table(
    [
      { title: 'class', shrink: true },
      { title: 'rows', align: 'right' },
      { title: 'share', align: 'right' },
    ],
    split.classes.map(({ label, name, rows, share }) => [
      `${label} ${name}`,
      groupDigits(rows),
      `${(100 * share).toFixed(1)} %`,
    ]),
    2,
  );
  const { mean, min, max } = lengths;
  const quantiles = lengths.quantiles.map(({ share, tokens }) => `${100 * share} % have at most ${tokens}`);
  terminal.print(
    `\n  tokens a text: mean ${mean.toFixed(1)}, shortest ${min}, longest ${max}; ${quantiles.join(', ')}`,
  );
  terminal.histogram(
    lengths.histogram.map(({ from, to, rows }) => ({
      label: from === to ? String(from) : `${from}-${to}`,
      count: rows,
    })),
    2,
  );
  terminal.print();
  const repeating = duplicates.pairs.map(([, row]) => row);
  terminal.keyValue(
    [
      [
        'truncated',
        `${groupDigits(truncated.count)} rows of more than ${maxLength} tokens${rowList(truncated.rows)}`,
      ],
      ['empty texts', `${groupDigits(emptyTexts.length)}${rowList(emptyTexts)}`],
      ['duplicates', `${groupDigits(duplicates.count)} rows repeat an earlier text${rowList(repeating)}`],
    ],
    2,
  );
}
