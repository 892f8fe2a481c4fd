/**
 * The command line against a server of the Hub's protocol, each test file with its own server, model
 * repositories and folder.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { attune, writeData } from './cli.js';
import type { CliOptions, CliResult } from './cli.js';
import { hubModel } from './hub-models.js';
import { HubServer } from './hub-server.js';

export class HubCli {
  readonly #cleanUps: readonly (() => void)[];

  private constructor(
    readonly server: HubServer,
    readonly cwd: string,
    cleanUps: readonly (() => void)[],
  ) {
    this.#cleanUps = cleanUps;
  }

  /** tiny/gpt2, tiny/classifier (main and v1, the same model), and `data`, a folder of rows. */
  static async start(): Promise<HubCli> {
    const cleanUps: (() => void)[] = [];
    const lasting = { after: (clean: () => void) => void cleanUps.push(clean) } as unknown as TestContext;
    const server = await HubServer.start(undefined, [
      { type: 'model', id: 'tiny/gpt2', files: await hubModel(lasting, 'openai-community/gpt2') },
      {
        type: 'model',
        id: 'tiny/classifier',
        files: await hubModel(lasting, 'prefixed', { head: true }),
        revisions: { v1: await hubModel(lasting, 'sharded', { head: true }) },
      },
    ]);
    const cwd = mkdtempSync(join(tmpdir(), 'attune-test-'));
    writeData(join(cwd, 'data'));
    return new HubCli(server, cwd, cleanUps);
  }

  /** Runs the command line with the cache in the folder `home`. */
  run(
    home: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    signals: CliOptions['signals'] = [],
  ): Promise<CliResult> {
    return attune(args, {
      cwd: this.cwd,
      env: { HF_ENDPOINT: this.server.url, HF_HOME: join(this.cwd, home), HF_HUB_OFFLINE: '', ...env },
      signals,
    });
  }

  async stop(): Promise<void> {
    await this.server.stop();
    for (const clean of this.#cleanUps) clean();
    rmSync(this.cwd, { recursive: true, force: true });
  }
}
