/** When a run records, evaluates and saves: the Trainer's DefaultFlowCallback. */
import type { TrainingArguments } from './arguments.js';

type FlowArguments = Pick<
  TrainingArguments,
  | 'loggingStrategy'
  | 'loggingSteps'
  | 'loggingFirstStep'
  | 'evalStrategy'
  | 'evalSteps'
  | 'saveStrategy'
  | 'saveSteps'
>;

/** What happens, in this order. */
export interface Due {
  readonly log: boolean;
  readonly evaluate: boolean;
  readonly save: boolean;
}

/**
 * Intervals in whole steps, as trainer_state.json records them: fractions of the run rounded up, 500 where
 * nothing is set.
 */
export interface Intervals {
  readonly loggingSteps: number;
  readonly evalSteps: number;
  readonly saveSteps: number;
}

export function intervalsOf(args: FlowArguments, totalSteps: number): Intervals {
  const whole = (steps = 500): number => (steps < 1 ? Math.ceil(totalSteps * steps) : steps);
  return {
    loggingSteps: whole(args.loggingSteps),
    evalSteps: whole(args.evalSteps),
    saveSteps: whole(args.saveSteps),
  };
}

/**
 * After step `step` (from 1). The last step of a run is always evaluated and saved where that goes by steps;
 * it is not always recorded.
 */
export function dueAfterStep(args: FlowArguments, step: number, totalSteps: number): Due {
  const { loggingSteps, evalSteps, saveSteps } = intervalsOf(args, totalSteps);
  const last = step >= totalSteps;
  return {
    log:
      (args.loggingStrategy === 'steps' && step % loggingSteps === 0) ||
      (args.loggingFirstStep && step === 1),
    evaluate: args.evalStrategy === 'steps' && (last || step % evalSteps === 0),
    save: args.saveStrategy === 'steps' && (last || step % saveSteps === 0),
  };
}

/**
 * At the end of an epoch, which also comes when the run stops in the middle of one: so a run that goes by
 * epochs always evaluates and saves at its end. A step that was recorded is not recorded again.
 */
export function dueAfterEpoch(args: FlowArguments): Due {
  return {
    log: args.loggingStrategy === 'epoch',
    evaluate: args.evalStrategy === 'epoch',
    save: args.saveStrategy === 'epoch',
  };
}
