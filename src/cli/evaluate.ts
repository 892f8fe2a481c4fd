import type { Command } from 'commander';
import { classificationMetrics } from '../metrics/classification.js';
import { withDefaults } from '../train/argument-table.js';
import { loadEvaluationRows } from '../train/evaluation-rows.js';
import { encodeDatasetCached, lengthLimit, openClassifier } from '../train/fine-tune.js';
import { changesByHand } from '../train/model-memory.js';
import { predictLogits } from '../train/prediction.js';
import { leakNotes, readTrainedTexts } from '../train/trained-rows.js';
import { EVALUATE_OPTIONS } from './command-options.js';
import { givenOptions } from './command-arguments.js';
import type { CliContext } from './context.js';
import { withDownloads } from './downloads.js';
import { required } from './given.js';
import { Progress } from './progress.js';
import { showDataset, showMetrics } from './show.js';

/** `attune evaluate` */
export async function evaluate(command: Command, { terminal, results, signal }: CliContext): Promise<void> {
  const given = givenOptions(command, EVALUATE_OPTIONS);
  const { model: named, device, batchSize, json } = withDefaults(EVALUATE_OPTIONS, given);
  const dir = required(named, 'model', 'Give the output folder of a training run.');
  const progress = new Progress(terminal);
  const { model, session, memory } = await withDownloads(terminal, signal, (hub) => openClassifier(dir, device, hub));
  try {
    const { labelNames } = model.config;
    const maxLength = lengthLimit(given.maxLength ?? memory?.maxLength, model.config);
    const { test, notes, heldOut } = await withDownloads(terminal, signal, (hub) => loadEvaluationRows({ ...given, labelNames, hub, signal }, memory));
    const { rows, labels } = await encodeDatasetCached(test, model.tokenizer, maxLength, signal);
    terminal.heading('Data');
    showDataset(terminal, test);
    if (heldOut !== undefined) terminal.print(`  ${heldOut}`, 'dim');
    const leaked = await leakNotes(test, await readTrainedTexts(model.folder), 'model', signal);
    for (const note of [...notes, ...leaked, ...changesByHand(memory, given)]) terminal.warning(note);
    const started = performance.now();
    const task = progress.task('evaluating', rows.length);
    const logits = await predictLogits(session, rows, labelNames.length, { batchRows: batchSize, onProgress: (done) => task.update(done), signal });
    task.stop();
    const seconds = (performance.now() - started) / 1000;
    const metrics = classificationMetrics(logits, labels, labelNames);
    for (const warning of metrics.warnings) terminal.warning(warning);
    terminal.heading(`Result (${(rows.length / seconds).toFixed(0)} rows/s, ${session.description})`);
    showMetrics(terminal, metrics);
    const { loss, accuracy, f1, auc, perClass, confusion } = metrics;
    if (json) results.record('result', { rows: rows.length, loss, accuracy, f1, auc, per_class: perClass, confusion, seconds });
    else results.line(`loss ${loss}\naccuracy ${accuracy}\nf1 ${f1}\nauc ${auc ?? 'undefined'}`);
  } finally {
    progress.stop();
    await session.close();
  }
}
