import { mkdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { UsageError } from '../errors.js';
import { writeFolder, writeWhole } from '../files.js';
import { embeddedModelFolder } from '../model/embedded.js';
import { resolveModel } from '../model/resolve.js';
import { isLoopback, serve as startServer } from '../serve/server.js';
import { demoSite, readSiteFile } from '../serve/site.js';
import type { Site } from '../serve/site.js';
import { withDefaults } from '../train/argument-table.js';
import { SERVE_OPTIONS } from './command-options.js';
import { givenOptions } from './command-arguments.js';
import type { CliContext } from './context.js';
import { withDownloads } from './downloads.js';
import { modelFolder } from './given.js';

/** `attune serve --demo` */
export async function serve(command: Command, context: CliContext): Promise<void> {
  const { terminal, results, signal } = context;
  const given = givenOptions(command, SERVE_OPTIONS);
  const options = withDefaults(SERVE_OPTIONS, given);
  if (!options.demo) throw new UsageError('--demo is missing', { hint: 'attune serve --demo serves the page that fine-tunes in the browser; there is nothing else to serve yet.' });
  if (options.out !== undefined && (given.port !== undefined || given.host !== undefined)) throw new UsageError('--out writes the page and serves nothing: --host and --port do not go with it');
  const named = modelFolder(options.model);
  const folder = await withDownloads(terminal, signal, (hub) => resolveModel(named, hub));
  const site = await demoSite({ folder, name: folder === embeddedModelFolder() ? 'gpt2-mini' : options.model && !options.model.includes('@') ? basename(resolve(options.model)) : (options.model ?? basename(folder)) });
  if (options.out !== undefined) {
    await writeSite(site, options.out);
    terminal.print('Put this folder on any static host that speaks https; WebGPU is not to be had over plain http, except from localhost.');
    if (options.json) results.record('page', { path: options.out, files: site.size });
    else results.line(options.out);
    return;
  }
  const server = await startServer(site, { host: options.host, port: options.port, signal });
  if (!isLoopback(options.host)) terminal.warning(`everyone who reaches ${options.host} can open the page; browsers offer WebGPU over https or from localhost alone.`);
  terminal.print('Open this address in a browser with WebGPU. The texts stay in the browser. Ctrl-C ends the server.');
  try {
    if (options.json) results.record('serving', { url: server.url });
    else results.line(server.url);
    // A server whose address nobody can learn is of no use.
    await results.flush();
    await server.ended;
  } finally {
    await server.close();
  }
  signal.throwIfAborted();
}

/** A folder that is there is taken for a page only where it looks like one: nothing else is replaced. */
async function writeSite(site: Site, out: string): Promise<void> {
  const found = await stat(out).catch(() => undefined);
  if (found && !(await stat(join(out, 'demo.json')).catch(() => undefined))) throw new UsageError(`${out} is there already and is no page of attune's`, { hint: 'Choose another --out, or remove it.' });
  await mkdir(dirname(resolve(out)), { recursive: true });
  await writeFolder(resolve(out), async (folder) => {
    for (const [name, file] of site) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeWhole(join(folder, name), await readSiteFile(file));
    }
  });
}
