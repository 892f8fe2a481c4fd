import type { Command } from 'commander';
import { withDefaults } from '../train/argument-table.js';
import { TextClassifier } from '../train/classifier.js';
import { loadEvaluationRows } from '../train/evaluation-rows.js';
import { changesByHand } from '../train/model-memory.js';
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
  const dir = required(named, 'model');
  const progress = new Progress(terminal);
  const classifier = await withDownloads(terminal, signal, (hub) =>
    TextClassifier.fromPretrained(dir, { maxLength: given.maxLength, device, ...hub }),
  );
  try {
    const { labels: labelNames, memory, folder } = classifier;
    const { test, notes, heldOut } = await withDownloads(terminal, signal, (hub) =>
      loadEvaluationRows({ ...given, labelNames, hub, signal }, memory),
    );
    terminal.heading('Data');
    showDataset(terminal, test);
    if (heldOut !== undefined) terminal.print(`  ${heldOut}`, 'dim');
    const leaked =
      folder === undefined ? [] : await leakNotes(test, await readTrainedTexts(folder), 'model', signal);
    for (const note of [...notes, ...leaked, ...changesByHand(memory, given)]) terminal.warning(note);
    const started = performance.now();
    const task = progress.task('evaluating', test.length);
    const metrics = await classifier.evaluate(test, {
      batchRows: batchSize,
      onProgress: (done) => task.update(done),
      signal,
    });
    task.stop();
    const seconds = (performance.now() - started) / 1000;
    for (const warning of metrics.warnings) terminal.warning(warning);
    terminal.heading(`Result (${(test.length / seconds).toFixed(0)} rows/s, ${classifier.device})`);
    showMetrics(terminal, metrics);
    const { loss, accuracy, f1, auc, perClass, confusion } = metrics;
    if (json)
      results.record('result', {
        rows: test.length,
        loss,
        accuracy,
        f1,
        auc,
        per_class: perClass,
        confusion,
        seconds,
      });
    else results.line(`loss ${loss}\naccuracy ${accuracy}\nf1 ${f1}\nauc ${auc ?? 'undefined'}`);
  } finally {
    progress.stop();
    await classifier.close();
  }
}
