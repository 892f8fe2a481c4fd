import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { parseJsonl } from '../data/jsonl.js';
import { readerFor } from '../data/readers.js';
import { requiredText } from '../data/rows.js';
import { streamChunks } from '../data/text-blocks.js';
import { AttuneError, UsageError } from '../errors.js';
import { PARTIAL } from '../files.js';
import { withDefaults } from '../train/argument-table.js';
import { TextClassifier } from '../train/classifier.js';
import type { Prediction } from '../train/classifier.js';
import { PREDICT_OPTIONS } from './command-options.js';
import { givenOptions } from './command-arguments.js';
import type { CliContext } from './context.js';
import { withDownloads } from './downloads.js';
import { required } from './given.js';
import type { ResultWriter } from './results.js';

/** `attune predict` */
export async function predict(command: Command, { terminal, results, signal }: CliContext): Promise<void> {
  const options = withDefaults(PREDICT_OPTIONS, givenOptions(command, PREDICT_OPTIONS));
  const { text: given } = command.opts<{ text?: string[] }>();
  const dir = required(options.model, 'model', 'Give the output folder of a training run.');
  if ((given === undefined) === (options.input === undefined)) {
    throw new UsageError(given ? '--text and --input exclude each other' : '--text or --input is missing', { hint: 'Give texts by --text, or a file by --input (- for stdin).' });
  }
  const texts = given ?? textsOf(options.input!, options.textColumn, signal);
  const classifier = await withDownloads(terminal, signal, (hub) => TextClassifier.fromPretrained(dir, { maxLength: options.maxLength, device: options.device, ...hub }));
  try {
    const how = { logits: options.logits, signal };
    const records = options.explain ? classifier.explainStream(texts, how) : classifier.predictStream(texts, how);
    if (options.output === undefined) await writeLines(results, records);
    else terminal.print(`${await writeFileWhole(options.output, records)} texts classified into ${options.output}`);
  } finally {
    await classifier.close();
  }
}

async function* textsOf(input: string, column: string, signal: AbortSignal): AsyncGenerator<string> {
  const records = input === '-' ? parseJsonl(streamChunks(process.stdin, signal), 'stdin') : (await readerFor(input))(input, [column]);
  for await (const record of records) yield requiredText(record, column, input === '-' ? 'stdin' : input);
}

/** Writes each prediction as a line, no faster than the reader takes them, until nobody does. */
async function writeLines(results: ResultWriter, predictions: AsyncIterable<Prediction>): Promise<void> {
  for await (const prediction of predictions) {
    if (!results.open) return;
    if (!results.line(JSON.stringify(prediction))) await results.drain();
  }
}

/** The file appears when all is predicted, or not at all. */
async function writeFileWhole(path: string, predictions: AsyncIterable<Prediction>): Promise<number> {
  const partial = `${path}.${process.pid}${PARTIAL}`;
  let count = 0;
  async function* lines(): AsyncGenerator<string> {
    for await (const prediction of predictions) {
      count++;
      yield `${JSON.stringify(prediction)}\n`;
    }
  }
  try {
    await pipeline(lines(), createWriteStream(partial));
    await rename(partial, path);
    return count;
  } catch (cause) {
    await rm(partial, { force: true });
    if (cause instanceof Error && 'syscall' in cause) throw new AttuneError(`cannot write ${path}: ${cause.message}`, { cause });
    throw cause;
  }
}
