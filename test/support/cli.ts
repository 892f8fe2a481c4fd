/** The real command line as a child process, and tiny models and data for it. */
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { embeddedModelFolder } from '#attune/model/embedded.js';
import { parseConfig, toJson } from '#attune/model/config.js';
import { parameterSpecs } from '#attune/model/parameters.js';
import { writeSafetensors } from '#attune/model/safetensors-writer.js';
import { randomParameters } from './models.js';

/** No test asks the real Hub, or reads the user's cache and token. */
export const NO_HUB = {
  HF_HUB_OFFLINE: '1',
  HF_HOME: join(tmpdir(), 'attune-test-no-hub'),
  HF_HUB_CACHE: '',
  HF_TOKEN: '',
};

/** The command line's own file. */
export const bin = fileURLToPath(new URL('../../bin/attune.js', import.meta.url));

export interface CliResult {
  /** Exit status; null where a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd: string;
  readonly input?: string;
  /** Leave stdin open after `input`: the command waits for more, which never comes. */
  readonly openStdin?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** Sent in turn, each when what it waits for has happened. */
  readonly signals?: readonly SignalAt[];
}

export interface SignalAt {
  /** Matches what was written so far, or the path of a file that is opened. */
  readonly when: RegExp;
  /** Default stderr. */
  readonly on?: 'stderr' | 'stdout' | 'open';
  readonly signal: NodeJS.Signals;
}

/**
 * The process sends itself these signals as it writes what they wait for: sent from here, they would come
 * when this process gets its turn, and on a busy machine a short run is over by then.
 */
function signalling(signals: readonly SignalAt[]): string {
  const pending = signals.map(({ when, on = 'stderr', signal }) => `[${String(when)}, '${on}', '${signal}']`);
  const code = `import { isMainThread } from 'node:worker_threads';
    import { syncBuiltinESMExports } from 'node:module';
    import fs from 'node:fs';
    const pending = [${pending.join(', ')}];
    const happened = (on, what) => {
      while (pending.length > 0 && pending[0][1] === on && pending[0][0].test(what))
        process.kill(process.pid, pending.shift()[2]);
    };
    const listen = (name) => {
      const { write } = process[name];
      let seen = '';
      process[name].write = function (chunk, ...rest) {
        const taken = write.call(this, chunk, ...rest);
        seen += chunk;
        happened(name, seen);
        return taken;
      };
    };
    const watch = (module, name) => {
      const open = module[name];
      module[name] = function (path, ...rest) {
        const opened = open.call(this, path, ...rest);
        happened('open', String(path));
        return opened;
      };
    };
    if (isMainThread) {
      for (const name of new Set(pending.map(([, on]) => on))) if (name !== 'open') listen(name);
      if (pending.some(([, on]) => on === 'open')) {
        watch(fs, 'createReadStream');
        watch(fs.promises, 'open');
        syncBuiltinESMExports();
      }
    }`;
  return `--import=data:text/javascript,${encodeURIComponent(code)}`;
}

export function attune(
  args: readonly string[],
  { cwd, input = '', openStdin = false, env = {}, signals = [] }: CliOptions,
): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const inherited = { ...process.env };
    // scripts/test.mjs points Vulkan to a software adapter; of the command line only those tests know that
    // ask for it.
    delete inherited['VK_ICD_FILENAMES'];
    const child = spawn(
      process.execPath,
      [...(signals.length > 0 ? [signalling(signals)] : []), bin, ...args],
      { cwd, env: { ...inherited, ...NO_HUB, ...env } },
    );
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
    // A command that refuses its arguments ends before it reads.
    child.stdin.on('error', () => undefined);
    if (openStdin) child.stdin.write(input);
    else child.stdin.end(input);
  });
}

export const jsonLines = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/**
 * A GPT-2 of one layer, 16 wide, with gpt2-mini's tokenizer; `fields` of config.json override, `head` adds a
 * classification head.
 */
export async function writeTinyModel(
  dir: string,
  fields: Readonly<Record<string, unknown>> = {},
  head = false,
): Promise<void> {
  mkdirSync(dir, { recursive: true });
  for (const file of ['vocab.json', 'merges.txt']) cpSync(join(embeddedModelFolder(), file), join(dir, file));
  const config = parseConfig(
    {
      model_type: 'gpt2',
      vocab_size: 8192,
      n_positions: 64,
      n_embd: 16,
      n_layer: 1,
      n_head: 2,
      bos_token_id: 8191,
      eos_token_id: 8191,
      ...fields,
    },
    'tiny model',
  );
  writeFileSync(join(dir, 'config.json'), toJson(config));
  const values = randomParameters(config, 5);
  const specs = parameterSpecs(config).filter(({ name }) => head || name !== 'score.weight');
  await writeSafetensors(join(dir, 'model.safetensors'), specs, (name) => values.get(name)!);
}

const GOOD = [
  'a fine day',
  'what lovely tea',
  'so very happy',
  'bright and kind',
  'this works well',
  'sweet and warm',
  'it made me smile',
  'good bread',
];
const BAD = [
  'a grim day',
  'what awful tea',
  'so very sad',
  'dull and cruel',
  'this never works',
  'bitter and cold',
  'it made me cry',
  'stale bread',
];

/** 16 rows of made-up texts, classes in turn. */
export const ROWS = GOOD.flatMap((text, i) => [
  { text, label: 1, label_text: 'good' },
  { text: BAD[i], label: 0, label_text: 'bad' },
]);

export const toJsonl = (rows: readonly object[]): string =>
  rows.map((row) => `${JSON.stringify(row)}\n`).join('');

/** A folder with train.jsonl (12 rows) and test.jsonl (4 rows). */
export function writeData(dir: string): void {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'train.jsonl'), toJsonl(ROWS.slice(0, 12)));
  writeFileSync(join(dir, 'test.jsonl'), toJsonl(ROWS.slice(12)));
}

export const readJson = (file: string): Record<string, unknown> =>
  JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
