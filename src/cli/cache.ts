import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { InterruptedError, UsageError } from '../errors/attune-error.js';
import { planPrune, removeFromCache, scanHubCache } from '../hub/cache.js';
import { hubCacheDir } from '../hub/settings.js';
import { withDefaults } from '../train/argument-table.js';
import { CACHE_OPTIONS, PRUNE_OPTIONS } from './cache-options.js';
import { givenOptions } from './command-arguments.js';
import type { CliContext } from './context.js';
import { formatBytes } from './format.js';
import type { Terminal } from './terminal.js';

/** `attune cache` */
export async function list(command: Command, { terminal, results }: CliContext): Promise<void> {
  const { json } = withDefaults(CACHE_OPTIONS, givenOptions(command, CACHE_OPTIONS));
  const { cacheDir, size, repositories } = await scanHubCache();
  if (json) {
    for (const { type, lastUsed, ...repository } of repositories)
      results.record('repository', { kind: type, ...repository, lastUsed: lastUsed.toISOString() });
    return;
  }
  terminal.print(`${cacheDir}: ${repositories.length === 0 ? 'nothing was downloaded' : formatBytes(size)}`);
  if (repositories.length === 0) return;
  terminal.table(
    [
      { title: 'repository' },
      { title: 'type' },
      { title: 'size', align: 'right' },
      { title: 'revisions', shrink: true },
      { title: 'last used' },
      { title: 'folder' },
    ],
    repositories.map(({ id, type, size: bytes, incomplete, revisions, lastUsed, path }) => [
      id,
      type,
      formatBytes(bytes),
      [
        ...revisions.map(({ commit, refs }) => (refs.length > 0 ? refs.join(' ') : commit.slice(0, 8))),
        ...(incomplete > 0 ? [`(${formatBytes(incomplete)} unfinished)`] : []),
      ].join(', '),
      lastUsed.toISOString().slice(0, 10),
      path,
    ]),
    2,
  );
}

/** `attune cache prune` */
export async function prune(command: Command, { terminal, results, signal }: CliContext): Promise<void> {
  const { olderThan, incomplete, yes, ...own } = withDefaults(
    PRUNE_OPTIONS,
    givenOptions(command, PRUNE_OPTIONS),
  );
  // commander gives an option that both commands have to the outer one.
  const json = own.json || command.parent?.getOptionValue('json') === true;
  const cacheDir = hubCacheDir();
  const planned = await planPrune({ cacheDir, ids: command.args, olderThanDays: olderThan, incomplete });
  const total = planned.reduce((sum, { size }) => sum + size, 0);
  for (const { id, type, path, size } of planned)
    terminal.print(`  ${type} ${id}: ${formatBytes(size)}, ${path}`);
  if (planned.length === 0) return terminal.print('nothing to remove');
  if (!yes && !(await confirmed(`Remove these ${formatBytes(total)}?`, terminal, signal)))
    return terminal.print('nothing was removed');
  await removeFromCache(planned, cacheDir);
  if (json) {
    for (const { type, ...removed } of planned) results.record('removed', { kind: type, ...removed });
    return;
  }
  terminal.print(`removed ${formatBytes(total)}`);
}

/** @throws UsageError `confirmation-impossible` if stdin is not a terminal */
async function confirmed(question: string, terminal: Terminal, signal: AbortSignal): Promise<boolean> {
  if (!process.stdin.isTTY) throw new UsageError('confirmation-impossible', {});
  const lines = createInterface({ input: process.stdin, output: terminal.stream });
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    return /^y(?:es)?$/i.test((await lines.question(`${question} [y/N] `, { signal })).trim());
  } catch (error) {
    if (signal.aborted) throw new InterruptedError('interrupted', {}, { cause: error });
    throw error;
  } finally {
    lines.close();
  }
}
