import type { Command } from 'commander';
import { noticeSentence } from '../errors/notices.js';
import { COMMAND_LINE } from './shell.js';
import { inspectSplits } from '../data/inspect.js';
import { loadSplits } from '../data/splits.js';
import { resolveModel } from '../model/resolve.js';
import { Tokenizer } from '../text/tokenizer.js';
import { withDefaults } from '../train/argument-table.js';
import { DEFAULT_SEED, readMemory } from '../train/model-memory.js';
import { PLANNED_LENGTH } from '../train/plan.js';
import { INSPECT_OPTIONS } from './command-options.js';
import { givenOptions } from './command-arguments.js';
import type { CliContext } from './context.js';
import { withDownloads } from './downloads.js';
import { modelFolder, required } from './given.js';
import { groupDigits, printable } from './layout.js';
import { showExamples, showSplitInspection } from './show.js';

const CONFLICTS_SHOWN = 5;

/** `attune inspect` */
export async function inspect(command: Command, { terminal, results, signal }: CliContext): Promise<void> {
  const given = withDefaults(INSPECT_OPTIONS, givenOptions(command, INSPECT_OPTIONS));
  const dataset = required(given.dataset, 'dataset');
  const folder = await withDownloads(terminal, signal, (hub) =>
    resolveModel(modelFolder(given.model), { ...hub, parts: 'tokenizer' }),
  );
  const memory = await readMemory(folder);
  const { maxLength = PLANNED_LENGTH, seed = DEFAULT_SEED } = memory ?? {};
  const options = {
    ...given,
    usualColumns: memory,
    maxLength: given.maxLength ?? maxLength,
    seed: given.seed ?? seed,
  };
  const splits = await withDownloads(terminal, signal, (hub) =>
    loadSplits({ ...options, dataset, hub, signal }),
  );
  const tokenizer = await Tokenizer.fromDirectory(folder);
  const report = await inspectSplits(splits, tokenizer, options.maxLength, options.examples, signal);
  if (options.json) {
    const notes = report.notes.map((note) => noticeSentence(note, COMMAND_LINE));
    results.record('inspection', { ...report, notes });
    return;
  }
  for (const note of report.notes) terminal.warning(note);
  if (options.examples > 0) {
    terminal.heading('Examples');
    showExamples(terminal, splits.train, tokenizer, options.maxLength, options.examples);
  }
  for (const split of report.splits) showSplitInspection(terminal, split, options.maxLength);
  terminal.heading('Between the splits');
  const { count: leaked } = report.leaked;
  const remark = leaked > 0 ? ': their figures flatter the model' : '';
  terminal.keyValue(
    [
      ['leaked', `${groupDigits(leaked)} test rows whose text is in the training split too${remark}`],
      ['conflicts', `${groupDigits(report.conflicts.length)} texts with different labels`],
    ],
    2,
  );
  for (const { text, rows } of report.conflicts.slice(0, CONFLICTS_SHOWN)) {
    const labelled = rows.map(
      ({ split, row, label }) => `${split} row ${row} ${printable(report.labelNames[label])}`,
    );
    terminal.paragraph(`"${printable(text)}": ${labelled.join(', ')}`, 4);
  }
}
