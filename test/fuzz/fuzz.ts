/**
 * Fuzzing: cases are drawn from a seed, and each is read correctly or refused with an AttuneError of exit status 1
 * or 2, quickly.
 *
 *   ATTUNE_FUZZ_CASES   cases in all, 30,000 by default     ATTUNE_FUZZ_SEED   the seed
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { isDone } from '#attune/cli/command.js';
import { AttuneError } from '#attune/errors/attune-error.js';
import { casesFrom, seedFrom } from '../support/counts.js';
import { Random } from '../support/random.js';

const CASES = casesFrom('ATTUNE_FUZZ_CASES', 30_000);
const seed = seedFrom();
/**
 * A case that takes longer counts as a hang. The time is processor time, which does not depend on how busy the
 * machine is.
 */
const SLOWEST_MS = 20_000;
const MOST_HEAP = 1.5 * 2 ** 30;

interface Tally {
  cases: number;
  read: number;
  refused: number;
  slowest: number;
}

/** Runs a case, which must succeed or throw an AttuneError with a message. */
async function runCase(tally: Tally, what: () => unknown, story: () => string): Promise<void> {
  const started = process.cpuUsage();
  try {
    await what();
    tally.read++;
  } catch (error) {
    if (!isDone(error)) {
      assert.ok(
        error instanceof AttuneError &&
          (error.exitCode === 1 || error.exitCode === 2) &&
          error.message.length > 0,
        `${story()}\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      );
      tally.refused++;
    }
  }
  tally.cases++;
  const { user, system } = process.cpuUsage(started);
  const took = (user + system) / 1000;
  tally.slowest = Math.max(tally.slowest, took);
  assert.ok(took < SLOWEST_MS, `took ${took} ms: ${story()}`);
}

export type DrawCase = (random: Random) => { readonly what: () => unknown; readonly shown: () => string };

/** A test that runs a share of all cases; `prepare` returns what draws a case from a random generator. */
export function fuzz(title: string, share: number, prepare: () => DrawCase | Promise<DrawCase>): void {
  it(title, { timeout: 3_600_000 }, async (t) => {
    const tally: Tally = { cases: 0, read: 0, refused: 0, slowest: 0 };
    const random = new Random(seed);
    const draw = await prepare();
    for (let i = 0; i < Math.max(1, Math.round(CASES * share)); i++) {
      const caseSeed = random.integer(0, 2 ** 31 - 1);
      const { what, shown } = draw(new Random(caseSeed));
      await runCase(tally, what, () => `case ${i} of seed ${seed}: ${shown()}`);
    }
    const heap = process.memoryUsage().heapUsed;
    assert.ok(heap < MOST_HEAP, `the heap has grown to ${heap} bytes`);
    t.diagnostic(
      `seed ${seed}: ${tally.cases} cases, ${tally.read} read, ${tally.refused} refused, ` +
        `slowest ${tally.slowest.toFixed(0)} ms`,
    );
  });
}

export const shownBytes = (bytes: Uint8Array): string =>
  JSON.stringify(Buffer.from(bytes).toString('latin1').slice(0, 2000));
