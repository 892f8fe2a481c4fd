/**
 * trainer_state.json: what the Trainer remembers of a run, with its keys (trainer_callback.py, TrainerState),
 * written byte for byte as Python writes it.
 */
import { ModelError } from '../errors/attune-error.js';
import type { PythonValue } from '../json/python.js';
import { dumps, float } from '../json/python.js';
import { parseJson } from '../json/syntax.js';
import type { EarlyStoppingState } from './best.js';
import type { LogRecord } from './records.js';

/** The five switches of the Trainer's control flow, as they stood when the file was written. */
export interface TrainerControlState {
  readonly args: {
    readonly should_epoch_stop: boolean;
    readonly should_evaluate: boolean;
    readonly should_log: boolean;
    readonly should_save: boolean;
    readonly should_training_stop: boolean;
  };
  readonly attributes: Readonly<Record<string, never>>;
}

export interface StatefulCallbacks {
  readonly EarlyStoppingCallback?: EarlyStoppingState;
  readonly TrainerControl?: TrainerControlState;
}

export interface TrainerState {
  readonly best_global_step: number | null;
  /** A float. */
  readonly best_metric: number | null;
  /** Path of the best checkpoint, as the output folder was given. */
  readonly best_model_checkpoint: string | null;
  /** A float. */
  readonly epoch: number;
  readonly eval_steps: number;
  readonly global_step: number;
  readonly is_hyper_param_search: boolean;
  readonly is_local_process_zero: boolean;
  readonly is_world_process_zero: boolean;
  readonly log_history: readonly LogRecord[];
  readonly logging_steps: number;
  readonly max_steps: number;
  readonly num_input_tokens_seen: number;
  readonly num_train_epochs: number;
  readonly save_steps: number;
  readonly stateful_callbacks: StatefulCallbacks;
  /** A float. */
  readonly total_flos: number;
  readonly train_batch_size: number | null;
  readonly trial_name: string | null;
  readonly trial_params: null;
}

/** The state before the first step. */
export function initialState(
  plan: Pick<
    TrainerState,
    'eval_steps' | 'logging_steps' | 'save_steps' | 'max_steps' | 'num_train_epochs' | 'train_batch_size'
  >,
): TrainerState {
  return {
    best_global_step: null,
    best_metric: null,
    best_model_checkpoint: null,
    epoch: 0,
    global_step: 0,
    is_hyper_param_search: false,
    is_local_process_zero: true,
    is_world_process_zero: true,
    log_history: [],
    num_input_tokens_seen: 0,
    stateful_callbacks: {},
    total_flos: 0,
    trial_name: null,
    trial_params: null,
    ...plan,
  };
}

/** TrainerControl as a checkpoint records it: saving is what it is doing. */
export function controlState(shouldTrainingStop: boolean, shouldSave = true): TrainerControlState {
  return {
    args: {
      should_epoch_stop: false,
      should_evaluate: false,
      should_log: false,
      should_save: shouldSave,
      should_training_stop: shouldTrainingStop,
    },
    attributes: {},
  };
}

/** The file's text: `json.dumps(state, indent=2, sort_keys=True)` and a line feed. */
export function stateToJson(state: TrainerState): string {
  const { EarlyStoppingCallback: stopping, TrainerControl: control } = state.stateful_callbacks;
  const callbacks: Record<string, PythonValue> = {};
  if (stopping) {
    callbacks['EarlyStoppingCallback'] = {
      args: {
        early_stopping_patience: stopping.args.early_stopping_patience,
        early_stopping_threshold: float(stopping.args.early_stopping_threshold),
      },
      attributes: { ...stopping.attributes },
    };
  }
  if (control) callbacks['TrainerControl'] = { args: { ...control.args }, attributes: {} };
  const value: PythonValue = {
    ...state,
    best_metric: float(finiteOrNull(state.best_metric)),
    epoch: float(state.epoch),
    total_flos: float(state.total_flos),
    log_history: state.log_history.map(recordValue),
    stateful_callbacks: callbacks,
  };
  return `${dumps(value, { indent: 2, sortKeys: true })}\n`;
}

/**
 * The step is an integer, everything else a float. What is not finite becomes null, because JSON has no word
 * for it.
 */
function recordValue(record: LogRecord): PythonValue {
  return Object.fromEntries(
    Object.entries(record).map(([key, value]: [string, number | null]) => [
      key,
      key === 'step' ? value : float(finiteOrNull(value)),
    ]),
  );
}

const finiteOrNull = (value: number | null): number | null =>
  value !== null && Number.isFinite(value) ? value : null;

type Check = (value: unknown) => boolean;
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isNumber: Check = (value) => typeof value === 'number';
const isBoolean: Check = (value) => typeof value === 'boolean';
const isText: Check = (value) => typeof value === 'string';
const isNull: Check = (value) => value === null;
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const or =
  (...checks: readonly Check[]): Check =>
  (value) =>
    checks.some((check) => check(value));

const FIELDS: Readonly<Record<keyof TrainerState, readonly [check: Check, what: string]>> = {
  best_global_step: [or(isCount, isNull), 'a whole number or null'],
  best_metric: [or(isNumber, isNull), 'a number or null'],
  best_model_checkpoint: [or(isText, isNull), 'a text or null'],
  epoch: [isNumber, 'a number'],
  eval_steps: [isNumber, 'a number'],
  global_step: [isCount, 'a whole number'],
  is_hyper_param_search: [isBoolean, 'true or false'],
  is_local_process_zero: [isBoolean, 'true or false'],
  is_world_process_zero: [isBoolean, 'true or false'],
  log_history: [areRecords, 'a list of records, each with a step and otherwise numbers or nulls'],
  logging_steps: [isNumber, 'a number'],
  max_steps: [isCount, 'a whole number'],
  num_input_tokens_seen: [isCount, 'a whole number'],
  num_train_epochs: [isCount, 'a whole number'],
  save_steps: [isNumber, 'a number'],
  stateful_callbacks: [areCallbacks, 'an object of callback states'],
  total_flos: [isNumber, 'a number'],
  train_batch_size: [or(isCount, isNull), 'a whole number or null'],
  trial_name: [or(isText, isNull), 'a text or null'],
  trial_params: [isNull, 'null'],
};

function areRecords(value: unknown): boolean {
  return Array.isArray(value) && value.every(isLogRecord);
}

/** Whether a value of JSON is an entry of `log_history` as attune and the Trainer itself write it. */
export function isLogRecord(value: unknown): value is LogRecord {
  return (
    isObject(value) &&
    isCount(value['step']) &&
    Object.values(value).every(or(isNumber, isNull)) &&
    ['loss', 'eval_loss', 'train_runtime'].some((key) => key in value)
  );
}

function areCallbacks(value: unknown): boolean {
  if (!isObject(value)) return false;
  const stopping = value['EarlyStoppingCallback'];
  if (stopping !== undefined) {
    if (!isObject(stopping) || !isObject(stopping['args']) || !isObject(stopping['attributes'])) return false;
    const { early_stopping_patience: patience, early_stopping_threshold: threshold } = stopping['args'];
    if (
      !isCount(patience) ||
      !isNumber(threshold) ||
      !isCount(stopping['attributes']['early_stopping_patience_counter'])
    )
      return false;
  }
  const control = value['TrainerControl'];
  return (
    control === undefined ||
    (isObject(control) && isObject(control['args']) && Object.values(control['args']).every(isBoolean))
  );
}

/**
 * Reads trainer_state.json, ours or transformers'. Keys it does not know are left out.
 *
 * @param file path for messages
 * @throws ModelError naming the file and the line or key
 */
export function parseTrainerState(text: string, file: string): TrainerState {
  const parsed = parseJson(text);
  if ('error' in parsed) {
    const { line, column, message: reason } = parsed.error;
    throw new ModelError('trainer-state-not-json', { file, line, column, reason });
  }
  const state = parsed.value;
  if (!isObject(state)) throw new ModelError('trainer-state-not-object', { file });
  for (const [field, [check, expected]] of Object.entries(FIELDS)) {
    if (!check(state[field])) throw new ModelError('trainer-state-field', { file, field, expected });
  }
  const known = Object.keys(FIELDS).map((key) => [key, state[key]]);
  return Object.fromEntries(known) as TrainerState; // each field was checked above
}
