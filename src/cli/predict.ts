import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { Command } from 'commander';
import { parseJsonl } from '../data/jsonl.js';
import { readerFor } from '../data/readers.js';
import { requiredText } from '../data/rows.js';
import { AttuneError, UsageError } from '../errors.js';
import { PARTIAL } from '../files.js';
import { argmax, softmax } from '../metrics/probabilities.js';
import type { PretrainedModel } from '../model/pretrained.js';
import type { EngineSession } from '../engine/engine.js';
import { withDefaults } from '../train/argument-table.js';
import { lengthLimit, openClassifier } from '../train/fine-tune.js';
import { predictLogits } from '../train/prediction.js';
import { PREDICT_OPTIONS } from './command-options.js';
import { givenOptions } from './command.js';
import type { CliContext } from './context.js';
import { required } from './given.js';

/** Rows held at a time: memory does not grow with the input. */
const CHUNK_ROWS = 512;
const BATCH_ROWS = 32;
const BATCH_TOKENS = 2048;

export interface PredictionRecord {
  readonly text: string;
  readonly label: string;
  readonly label_id: number;
  /** Probability of the predicted class. */
  readonly score: number;
  /** Probability of each class by its name. */
  readonly scores: Readonly<Record<string, number>>;
  readonly logits?: readonly number[];
}

/** `attune predict` */
export async function predict(command: Command, { terminal, stdout, signal }: CliContext): Promise<void> {
  const options = withDefaults(PREDICT_OPTIONS, givenOptions(command, PREDICT_OPTIONS));
  const { text: given } = command.opts<{ text?: string[] }>();
  const dir = required(options.model, 'model', 'Give the output folder of a training run.');
  if ((given === undefined) === (options.input === undefined)) {
    throw new UsageError(given ? '--text and --input exclude each other' : '--text or --input is missing', { hint: 'Give texts by --text, or a file by --input (- for stdin).' });
  }
  const texts = given ?? textsOf(options.input!, options.textColumn);
  const { model, session } = await openClassifier(dir, options.device);
  try {
    const maxLength = lengthLimit(options.maxLength, model.config);
    const records = predictTexts(texts, model, session, { maxLength, logits: options.logits, signal });
    if (options.output === undefined) await writeLines(stdout, records);
    else terminal.print(`${await writeFileWhole(options.output, records)} texts classified into ${options.output}`);
  } finally {
    await session.close();
  }
}

async function* textsOf(input: string, column: string): AsyncGenerator<string> {
  const records = input === '-' ? parseJsonl(process.stdin, 'stdin') : readerFor(input)(input, [column]);
  for await (const record of records) yield requiredText(record, column, input === '-' ? 'stdin' : input);
}

interface PredictTextsOptions {
  readonly maxLength: number;
  readonly logits: boolean;
  readonly signal: AbortSignal;
}

/** Predictions in the order of the texts, a chunk at a time. */
async function* predictTexts(texts: Iterable<string> | AsyncIterable<string>, model: PretrainedModel, session: EngineSession, options: PredictTextsOptions): AsyncGenerator<PredictionRecord> {
  const { labelNames } = model.config;
  const classes = labelNames.length;
  for await (const chunk of chunksOf(texts, CHUNK_ROWS)) {
    // A text that occurs again is computed once.
    const distinct = [...new Set(chunk)];
    const place = new Map(distinct.map((text, i) => [text, i]));
    const rows = distinct.map((text) => model.tokenizer.encode(text, { maxLength: options.maxLength }));
    const logits = await predictLogits(session, rows, classes, { batchRows: BATCH_ROWS, batchTokens: BATCH_TOKENS, signal: options.signal });
    const probabilities = softmax(logits, classes);
    const predicted = argmax(probabilities, classes);
    for (const text of chunk) {
      const i = place.get(text)!;
      const of = (values: Float32Array): number[] => [...values.subarray(i * classes, (i + 1) * classes)];
      const scores = of(probabilities);
      yield {
        text,
        label: labelNames[predicted[i]],
        label_id: predicted[i],
        score: scores[predicted[i]],
        scores: Object.fromEntries(labelNames.map((name, k) => [name, scores[k]])),
        ...(options.logits && { logits: of(logits) }),
      };
    }
  }
}

async function* chunksOf<T>(items: Iterable<T> | AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let chunk: T[] = [];
  for await (const item of items) {
    chunk.push(item);
    if (chunk.length === size) {
      yield chunk;
      chunk = [];
    }
  }
  if (chunk.length > 0) yield chunk;
}

/** Writes each record as a line, no faster than the reader takes them. A reader that goes away ends it quietly. */
async function writeLines(stream: Writable, records: AsyncIterable<PredictionRecord>): Promise<number> {
  let open = true;
  let failure: Error | undefined;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    open = false;
    if (error.code !== 'EPIPE') failure = error;
  });
  let count = 0;
  for await (const record of records) {
    if (failure) throw failure;
    if (!open) return count;
    count++;
    if (!stream.write(`${JSON.stringify(record)}\n`)) {
      await new Promise<void>((resolve) => {
        stream.once('drain', resolve);
        stream.once('close', resolve);
        stream.once('error', () => resolve());
      });
    }
  }
  if (failure) throw failure;
  return count;
}

/** The file appears when all is predicted, or not at all. */
async function writeFileWhole(path: string, records: AsyncIterable<PredictionRecord>): Promise<number> {
  const partial = `${path}.${process.pid}${PARTIAL}`;
  const stream = createWriteStream(partial);
  try {
    const count = await writeLines(stream, records);
    stream.end();
    await finished(stream);
    await rename(partial, path);
    return count;
  } catch (cause) {
    stream.destroy();
    await rm(partial, { force: true });
    if (cause instanceof Error && 'syscall' in cause) throw new AttuneError(`cannot write ${path}: ${cause.message}`, { cause });
    throw cause;
  }
}
