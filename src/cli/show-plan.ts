/**
 * The plan of a run, for people: a line for each argument that follows from the data, with the option that
 * changes it.
 */
import { BY_HAND } from '../train/plan.js';
import type { PlanLine } from '../train/plan.js';
import { optionName } from './command-arguments.js';
import type { Terminal } from './terminal.js';

/** Prints nothing where nothing was planned. */
export function showPlan(terminal: Terminal, plan: readonly PlanLine[]): void {
  if (plan.length === 0) return;
  terminal.heading('Plan');
  terminal.keyValue(
    plan.map(({ argument, value, reason }) => [
      typeof value === 'boolean' ? optionName(argument) : `${optionName(argument)} ${value}`,
      reason,
    ]),
    2,
  );
  const options = BY_HAND.map(optionName);
  const anyOf = `${options.slice(0, -1).join(', ')} or ${options.at(-1)}`;
  terminal.paragraph(
    'Each line follows from the data; the option it begins with changes it. ' +
      `With ${anyOf} no argument is planned.`,
    2,
  );
}
