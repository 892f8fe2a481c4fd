/** A thread that grows trees. */
import { FOREST_WORK } from './forest-trees.js';
import { serveTasks } from './tasks.js';

serveTasks(FOREST_WORK.prepare);
