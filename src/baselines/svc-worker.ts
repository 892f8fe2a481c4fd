/** A thread that solves pairs. */
import { SVC_WORK } from './svc-pairs.js';
import { serveTasks } from './tasks.js';

serveTasks(SVC_WORK.prepare);
