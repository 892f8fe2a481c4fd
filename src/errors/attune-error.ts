/**
 * Errors for people: each says what went wrong, where (file, line, row, field, tensor), and in `hint` what to
 * do about it. Programs read `code` and `facts`. Anything else that is thrown is a defect of attune and is
 * reported as one, with its stack.
 */
import type { ErrorCode, FactsOf } from './catalogue.js';
import { errorHint, LIBRARY, errorSentence } from './shell.js';
import type { Facts } from './wording.js';

/** What makes an error: its code, the facts that belong to that code, and what caused it. */
export type ErrorArguments = {
  [Code in ErrorCode]: [code: Code, facts: FactsOf<Code>, options?: { cause?: unknown }];
}[ErrorCode];

export class AttuneError extends Error {
  /** What went wrong, for programs. */
  readonly code: ErrorCode;
  /** What the sentence speaks of, by name: plain data. */
  readonly facts: Facts;
  /** What the user can do about it; one or two sentences, in the library's terms. */
  readonly hint: string;

  constructor(...[code, facts, options]: ErrorArguments) {
    super(
      errorSentence({ code, facts }, LIBRARY),
      options?.cause === undefined ? undefined : { cause: options.cause },
    );
    this.name = new.target.name;
    this.code = code;
    this.facts = facts;
    this.hint = errorHint({ code, facts }, LIBRARY);
  }

  /** The exit status of the command line for this error: 1 failed. */
  get exitCode(): number {
    return 1;
  }
}

/**
 * The call itself is wrong: an unknown option, a value out of range, two options that exclude each other.
 * Exit status 2.
 */
export class UsageError extends AttuneError {
  override get exitCode(): number {
    return 2;
  }
}

/** A data file cannot be used as it is. */
export class DataError extends AttuneError {}

/** A model folder, config, tokenizer or weight file cannot be used as it is. */
export class ModelError extends AttuneError {}

/** Training cannot go on: a loss or gradient that is not finite, an engine that died. */
export class TrainingError extends AttuneError {}

/** A thread that computed is gone, with work under way. Nothing is wrong with the data or the model. */
export class ThreadDeath extends TrainingError {}

/** Stopped by the user (Ctrl-C, SIGTERM, SIGHUP). Exit status 130. */
export class InterruptedError extends AttuneError {
  override get exitCode(): number {
    return 130;
  }
}

/**
 * What the operating system refused (a full disk, a missing right) is no defect of attune, wherever it shows:
 * said for people. Other errors stay as they are.
 */
export function explained(error: unknown): unknown {
  if (error instanceof AttuneError || !(error instanceof Error)) return error;
  const { code, syscall, path } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined || path === undefined) return error;
  return new AttuneError('refused-by-system', { reason: error.message }, { cause: error });
}
