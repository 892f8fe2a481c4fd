import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { DEFAULT_COLUMNS } from '../data/columns.js';
import { parseJsonl } from '../data/jsonl.js';
import { readerFor } from '../data/readers.js';
import { fieldOf } from '../data/records.js';
import { requiredText } from '../data/rows.js';
import { streamChunks } from '../data/text-blocks.js';
import { UsageError } from '../errors/attune-error.js';
import { findOutput, refuseSameFile, writeOutput } from '../output-file.js';
import { withDefaults } from '../train/argument-table.js';
import { TextClassifier } from '../train/classifier.js';
import { changesByHand } from '../train/model-memory.js';
import type { Prediction } from '../train/classifier.js';
import { PREDICT_OPTIONS } from './command-options.js';
import { givenOptions } from './command-arguments.js';
import type { CliContext } from './context.js';
import { withDownloads } from './downloads.js';
import { required } from './given.js';
import type { ResultWriter } from './results.js';

const STDOUT = 1;

/** Whether a path is another name of stdout, which is open already. */
async function isStdout(path: string): Promise<boolean> {
  const found = await findOutput(path);
  return 'descriptor' in found && found.descriptor === STDOUT;
}

/** `attune predict` */
export async function predict(command: Command, { terminal, results, signal }: CliContext): Promise<void> {
  const options = withDefaults(PREDICT_OPTIONS, givenOptions(command, PREDICT_OPTIONS));
  const { text: given } = command.opts<{ text?: string[] }>();
  const dir = required(options.model, 'model');
  if ((given === undefined) === (options.input === undefined)) {
    throw new UsageError(given ? 'prediction-input-ambiguous' : 'prediction-input-missing', {});
  }
  const output =
    options.output !== undefined && (await isStdout(options.output)) ? undefined : options.output;
  if (output !== undefined) {
    // All that a model is read from lies in its folder itself.
    const files = (await readdir(dir).catch(() => [])).map((name) => join(dir, name));
    await refuseSameFile(output, [
      ...files,
      ...(options.input === undefined ? [] : [options.input === '-' ? '/dev/stdin' : options.input]),
    ]);
  }
  const classifier = await withDownloads(terminal, signal, (hub) =>
    TextClassifier.fromPretrained(dir, { maxLength: options.maxLength, device: options.device, ...hub }),
  );
  try {
    const { memory } = classifier;
    classifier.requireAble(options);
    for (const change of changesByHand(memory, {
      maxLength: options.maxLength,
      textColumn: given ? undefined : options.textColumn,
    }))
      terminal.warning(change);
    const texts =
      given ??
      textsOf(
        options.input!,
        options.textColumn === undefined
          ? [memory?.textColumn, DEFAULT_COLUMNS.textColumn]
          : [options.textColumn],
        signal,
      );
    const how = { logits: options.logits, signal };
    const records = options.explain
      ? classifier.explainStream(texts, how)
      : classifier.predictStream(texts, how);
    if (output === undefined) await writeLines(results, records);
    else terminal.print(`${await writeFile(output, records)} texts classified into ${output}`);
  } finally {
    await classifier.close();
  }
}

/**
 * @param columns the first of them that the first record has is the text's; where it has none, the first is
 * missing
 */
async function* textsOf(
  input: string,
  columns: readonly (string | undefined)[],
  signal: AbortSignal,
): AsyncGenerator<string> {
  const candidates = [...new Set(columns.filter((column) => column !== undefined))];
  const source = input === '-' ? 'stdin' : input;
  // With one candidate the reader itself may say what is wrong with the columns.
  const [required, optional] = candidates.length === 1 ? [candidates, []] : [[], candidates];
  let column: string | undefined;
  for await (const record of input === '-'
    ? parseJsonl(streamChunks(process.stdin, signal), source)
    : (await readerFor(input))(input, required, optional)) {
    column ??= candidates.find((name) => fieldOf(record, name) !== undefined) ?? candidates[0];
    yield requiredText(record, column, source);
  }
}

/** Writes each prediction as a line, no faster than the reader takes them, until nobody does. */
async function writeLines(results: ResultWriter, predictions: AsyncIterable<Prediction>): Promise<void> {
  for await (const prediction of predictions) {
    if (!results.open) return;
    if (!results.line(JSON.stringify(prediction))) await results.drain();
  }
}

/** @returns how many there were */
async function writeFile(path: string, predictions: AsyncIterable<Prediction>): Promise<number> {
  let count = 0;
  async function* lines(): AsyncGenerator<string> {
    for await (const prediction of predictions) {
      count++;
      yield `${JSON.stringify(prediction)}\n`;
    }
  }
  await writeOutput(path, lines());
  return count;
}
