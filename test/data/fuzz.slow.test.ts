/**
 * Thousands of damaged files, in processes with little memory: ATTUNE_FUZZ_CASES files in all (default 20,000;
 * a tenth if CI is set), drawn by ATTUNE_FUZZ_SEED. A crash, a hang, more memory than the bound, and any error
 * but an AttuneError that names the file fail, and the message names the case.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { folder } from '../support/folder.js';
import type { FuzzKind } from '../support/fuzz.js';
import { FUZZ_KINDS } from '../support/fuzz.js';

const cases = Number(process.env.ATTUNE_FUZZ_CASES ?? (process.env.CI ? 2_000 : 20_000));
const seed = Number(process.env.ATTUNE_FUZZ_SEED ?? Math.floor(Date.now() / 1000) % 1_000_000);
/** The files are below 10 KB; each may unpack to 1 MiB and have 2^20 rows. */
const MOST_GROWN = 256 * 2 ** 20;
const SILENCE_MS = 120_000;

/** Most of them are Parquet, whose reader is the most complex. */
const SHARES: Readonly<Record<FuzzKind, number>> = {
  safetensors: 0.2,
  parquet: 0.4,
  jsonl: 0.15,
  csv: 0.15,
  gzip: 0.1,
};

function run(kind: FuzzKind, count: number, dir: string): Promise<{ refused: number; grownBytes: number }> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      [
        '--max-old-space-size=192',
        '--import',
        'tsx',
        fileURLToPath(new URL('../support/fuzz-child.ts', import.meta.url)),
        kind,
        String(seed),
        '0',
        String(count),
        dir,
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let out = '';
    let err = '';
    // A hundred files take a second; two minutes without output is a hang.
    let timer = setTimeout(() => child.kill('SIGKILL'), SILENCE_MS);
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      out += chunk;
      clearTimeout(timer);
      timer = setTimeout(() => child.kill('SIGKILL'), SILENCE_MS);
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      err += chunk;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const lines = out.trim().split('\n');
      if (code === 0) resolve(JSON.parse(lines.at(-1)!) as { refused: number; grownBytes: number });
      else
        reject(
          new Error(
            `${kind}, seed ${seed}: ended by ${signal ?? `status ${code}`} after "${lines.at(-1)}"\n${err}`,
          ),
        );
    });
  });
}

describe('readRows and SafetensorsFile', () => {
  for (const kind of FUZZ_KINDS) {
    const count = Math.ceil(cases * SHARES[kind]);
    it(`read or refuse ${count} damaged ${kind} files in bounded memory (seed ${seed})`, async (t) => {
      t.diagnostic(`ATTUNE_FUZZ_SEED=${seed} draws the same files`);
      const { refused, grownBytes } = await run(kind, count, folder(t));
      t.diagnostic(`${refused} refused, memory grew by ${Math.round(grownBytes / 2 ** 20)} MiB`);
      assert.ok(grownBytes < MOST_GROWN, `memory grew by ${grownBytes} bytes`);
    });
  }
});
