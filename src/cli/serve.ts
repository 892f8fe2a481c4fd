import { mkdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { UsageError } from '../errors/attune-error.js';
import { writeWhole } from '../files.js';
import { embeddedModelFolder } from '../model/embedded.js';
import { resolveModel } from '../model/resolve.js';
import { refuseOverlap } from '../overlap.js';
import { isLoopback, serve as startServer } from '../serve/server.js';
import { demoSite, readSiteFile } from '../serve/site.js';
import type { Site } from '../serve/site.js';
import { withDefaults } from '../train/argument-table.js';
import { OutputFolder } from '../train/output-folder.js';
import { topOf } from '../train/run-names.js';
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
  if (!options.demo) throw new UsageError('demo-not-given', {});
  if (options.out !== undefined && (given.port !== undefined || given.host !== undefined))
    throw new UsageError('page-written-not-served', {});
  const named = modelFolder(options.model);
  const folder = await withDownloads(terminal, signal, (hub) => resolveModel(named, hub));
  const site = await demoSite({ folder, name: nameOf(folder, options.model) });
  if (options.out !== undefined) {
    await writeSite(site, options.out, folder);
    terminal.print(
      'Put this folder on any static host that speaks https; ' +
        'WebGPU is not to be had over plain http, except from localhost.',
    );
    if (options.json) results.record('page', { path: options.out, files: site.size });
    else results.line(options.out);
    return;
  }
  const server = await startServer(site, { host: options.host, port: options.port, signal });
  if (!isLoopback(options.host))
    terminal.warning(
      `everyone who reaches ${options.host} can open the page; ` +
        'browsers offer WebGPU over https or from localhost alone.',
    );
  terminal.print(
    'Open this address in a browser with WebGPU. The texts stay in the browser. Ctrl-C ends the server.',
  );
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

/** The model's name on the page. An id of the Hub with its revision is shown as it was given. */
function nameOf(folder: string, given: string | undefined): string {
  if (folder === embeddedModelFolder()) return 'gpt2-mini';
  if (given && !given.includes('@')) return basename(resolve(given));
  return given ?? basename(folder);
}

/** A page that is there is replaced; a folder that holds anything else is refused. */
async function writeSite(site: Site, out: string, model: string): Promise<void> {
  const names = [...new Set([...site.keys()].map(topOf))];
  await refuseOverlap(out, [{ what: 'the model', path: model }], (name) => names.includes(name));
  const output = await OutputFolder.open(out);
  try {
    await output.prepare({ mode: 'keep', makes: names, purpose: 'page' });
    await output.place(async (staged) => {
      for (const [name, file] of site) {
        await mkdir(dirname(join(staged, name)), { recursive: true });
        await writeWhole(join(staged, name), await readSiteFile(file));
      }
    });
    for (const name of output.made) if (!names.includes(name)) await output.remove(name);
  } finally {
    await output.close();
  }
}
