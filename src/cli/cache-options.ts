import type { Command } from 'commander';
import type { ArgumentTable } from '../train/argument-table.js';
import type * as Actions from './cache.js';
import { createCommand } from './command.js';
import { addOptions } from './command-arguments.js';
import type { CliContext } from './context.js';
import { DATA_OPTIONS } from './options.js';

const GROUP = 'Options';
const json = { ...DATA_OPTIONS.json, group: GROUP };

export const CACHE_OPTIONS = { json } as const satisfies ArgumentTable;

export const PRUNE_OPTIONS = {
  olderThan: {
    kind: 'number',
    min: 0,
    default: undefined,
    group: GROUP,
    description: 'only what was not used for N days',
  },
  incomplete: {
    kind: 'boolean',
    default: false,
    group: GROUP,
    description: 'only unfinished downloads; the repositories stay',
  },
  yes: { kind: 'boolean', default: false, group: GROUP, description: 'do not ask' },
  json,
} as const satisfies ArgumentTable;

type Attach = (
  command: Command,
  action: (actions: typeof Actions) => (command: Command, context: CliContext) => Promise<void>,
) => Command;

/** The options of `attune cache`, and `attune cache prune`. */
export function addCacheOptions(cache: Command, attach: Attach): void {
  const prune = addOptions(
    createCommand('prune', 'remove repositories or unfinished downloads from the cache'),
    PRUNE_OPTIONS,
  ).argument('[ID...]', 'repositories, as `attune cache` lists them');
  cache.addCommand(attach(prune, (actions) => actions.prune));
  attach(addOptions(cache, CACHE_OPTIONS), (actions) => actions.list);
}
