/** A thread that computes decision values. */
import { DECISION_WORK } from './svc-decisions.js';
import { serveTasks } from './tasks.js';

serveTasks(DECISION_WORK.prepare);
