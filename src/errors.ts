/**
 * Errors for people: each says what went wrong, where (file, line, row, field, tensor), and in `hint` what to
 * do about it. Anything else that is thrown is a defect of attune and is reported as one, with its stack.
 */
export class AttuneError extends Error {
  /** What the user can do about it; one or two sentences. */
  readonly hint: string | undefined;
  /** The command that the hint speaks of, as a shell reads it. */
  readonly command: string | undefined;

  constructor(
    message: string,
    options: { hint?: string | undefined; command?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.hint = options.hint;
    this.command = options.command;
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
  return new AttuneError(error.message, {
    cause: error,
    hint: 'The operating system refused this: check the disk’s space and your rights there.',
  });
}
