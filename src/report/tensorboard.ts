/**
 * A run's records for TensorBoard, under the tags and in the files that transformers' TensorBoardCallback
 * writes (through torch's SummaryWriter), so that runs of both lie side by side in one chart. Each record is
 * on disk when `log` returns.
 */
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { AttuneError } from '../errors/attune-error.js';
import type { EventValue } from './event-file.js';
import { summaryEvent, tfRecord, versionEvent } from './event-file.js';

/** A record of `log_history`: `step` says where, null is left out. */
type Loggable = Readonly<Record<string, number | null | undefined>> & { readonly step: number };

export interface TensorBoardOptions {
  /** Seconds since 1970. */
  readonly now?: () => number;
  readonly host?: string;
  readonly pid?: number;
}

/**
 * `eval_loss` → `eval/loss`, `test_loss` → `test/loss`, all else → `train/…` (rewrite_logs of
 * integration_utils.py).
 */
export function tensorBoardTag(key: string): string {
  if (key.startsWith('eval_')) return `eval/${key.slice(5)}`;
  if (key.startsWith('test_')) return `test/${key.slice(5)}`;
  return `train/${key}`;
}

export class TensorBoardWriter {
  /** The event file: events.out.tfevents.<seconds>.<host>.<pid>.<count>. */
  readonly path: string;
  readonly #now: () => number;
  #file: number | undefined;

  /**
   * Creates the folder where it is missing, and a new event file in it; TensorBoard joins the files of a
   * folder into one run.
   *
   * @throws AttuneError `tensorboard-unwritable`
   */
  constructor(folder: string, options: TensorBoardOptions = {}) {
    this.#now = options.now ?? (() => Date.now() / 1000);
    const { host = hostname(), pid = process.pid } = options;
    const seconds = String(Math.floor(this.#now())).padStart(10, '0');
    const stem = `events.out.tfevents.${seconds}.${host}.${pid}`;
    try {
      mkdirSync(folder, { recursive: true });
      [this.path, this.#file] = openNew(folder, stem);
    } catch (error) {
      throw cannotWrite(folder, error);
    }
    this.#write(versionEvent(this.#now(), 'attune'));
  }

  /** @throws AttuneError `tensorboard-unwritable` */
  scalar(tag: string, value: number, step: number): void {
    this.#summary({ tag, scalar: value }, step);
  }

  /** Markdown, for the text tab. @throws AttuneError `tensorboard-unwritable` */
  text(tag: string, value: string, step = 0): void {
    this.#summary({ tag, text: value }, step);
  }

  /**
   * All numbers of a record but its step, each under its own tag. What is null or not finite is left out.
   *
   * @throws AttuneError `tensorboard-unwritable`
   */
  log(record: Loggable): void {
    for (const [key, value] of Object.entries(record)) {
      if (key !== 'step' && typeof value === 'number' && Number.isFinite(value))
        this.scalar(tensorBoardTag(key), value, record.step);
    }
  }

  close(): void {
    if (this.#file === undefined) return;
    closeSync(this.#file);
    this.#file = undefined;
  }

  #summary(value: EventValue, step: number): void {
    this.#write(summaryEvent(this.#now(), step, value));
  }

  #write(event: Uint8Array): void {
    if (this.#file === undefined) throw new Error(`${this.path} is closed`);
    const record = tfRecord(event);
    try {
      for (let written = 0; written < record.length;) written += writeSync(this.#file, record, written);
    } catch (error) {
      throw cannotWrite(this.path, error);
    }
  }
}

/** A file of its own, also where a run began in the same second and process. */
function openNew(folder: string, stem: string): [path: string, file: number] {
  for (let count = 0; ; count++) {
    const path = join(folder, `${stem}.${count}`);
    try {
      return [path, openSync(path, 'wx')];
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
  }
}

function cannotWrite(path: string, cause: unknown): AttuneError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new AttuneError('tensorboard-unwritable', { path, reason }, { cause });
}
