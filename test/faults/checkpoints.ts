/** The checkpoints of a run: damage to them, and how a resumed run must react to it. */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readJson } from '../support/cli.js';
import type { Random } from '../support/random.js';
import { beingReplaced } from '../support/workshop.js';

export interface Outcome {
  readonly history: readonly object[];
  readonly best: readonly unknown[];
  readonly files: Readonly<Record<string, string>>;
}

/** All that two runs must agree in: log entries without times, best checkpoint, weights, moments, counters. */
export function outcome(dir: string): Outcome {
  const state = readJson(join(dir, 'trainer_state.json'));
  const last = checkpointsOf(dir)[0];
  const files: Record<string, string> = {
    'model.safetensors': readFileSync(join(dir, 'model.safetensors'), 'base64'),
  };
  for (const name of ['model.safetensors', 'optimizer.safetensors', 'attune_state.json'])
    files[`${last}/${name}`] = readFileSync(join(dir, last, name), 'base64');
  const history = (state['log_history'] as Record<string, unknown>[]).map((entry) =>
    Object.fromEntries(Object.entries(entry).filter(([key]) => !/runtime|per_second/.test(key))),
  );
  return {
    history,
    best: [state['best_metric'], state['best_global_step'], state['stateful_callbacks']],
    files,
  };
}

/** Names of checkpoints, newest first. */
export function checkpointsOf(dir: string): string[] {
  const step = (name: string): number => Number(name.slice('checkpoint-'.length));
  return (existsSync(dir) ? readdirSync(dir) : [])
    .filter((name) => /^checkpoint-\d+$/.test(name))
    .sort((a, b) => step(b) - step(a));
}

export interface Restart {
  readonly words: readonly string[];
  /** The checkpoint it must resume from; 'refused': none is intact; undefined: it starts from the beginning. */
  readonly from: string | undefined;
  readonly skipped: readonly string[];
  readonly missing: ReadonlySet<string>;
  readonly recovered: boolean;
}

/** How a user resumes the run, and what must happen then, computed from what was done to the folder. */
export function restart(dir: string, damaged: ReadonlySet<string>, needsBest: boolean): Restart {
  // A checkpoint that was moved aside while it was replaced is moved back.
  const moved = beingReplaced(dir).filter(
    (name) => /^checkpoint-\d+$/.test(name) && !existsSync(join(dir, name)),
  );
  const step = (name: string): number => Number(name.slice('checkpoint-'.length));
  const names = [...new Set([...checkpointsOf(dir), ...moved])].sort((a, b) => step(b) - step(a));
  if (names.length === 0)
    return {
      words: existsSync(join(dir, 'model.safetensors')) ? ['--overwrite-output-dir'] : [],
      from: undefined,
      skipped: [],
      missing: new Set(),
      recovered: false,
    };
  const skipped: string[] = [];
  for (const name of names) {
    const stateFile = join(dir, name, 'trainer_state.json');
    const bestStep =
      damaged.has(name) || !needsBest || !existsSync(stateFile)
        ? null
        : readJson(stateFile)['best_global_step'];
    const bestName = `checkpoint-${String(bestStep)}`;
    if (!damaged.has(name) && !(bestStep !== null && damaged.has(bestName) && names.includes(bestName))) {
      return {
        words: ['--resume-from-checkpoint', ...(names.length % 2 === 0 ? ['last'] : [])],
        from: name,
        skipped,
        missing: new Set(),
        recovered: moved.length > 0,
      };
    }
    skipped.push(name);
  }
  return {
    words: ['--resume-from-checkpoint'],
    from: 'refused',
    skipped,
    missing: new Set([...damaged].filter((name) => !names.includes(name))),
    recovered: false,
  };
}

interface Damage {
  /** The checkpoints that are damaged; grows. */
  readonly damaged: Set<string>;
  /** What happened so far; grows. */
  readonly story: string[];
  readonly counts: { cut: number; flipped: number };
}

/** Truncates a file of the newest checkpoint, or flips a bit in it; sometimes of the two newest. */
export function damage(random: Random, dir: string, { damaged, story, counts }: Damage): void {
  for (const name of checkpointsOf(dir)
    .filter((checkpoint) => !damaged.has(checkpoint))
    .slice(0, random.integer(0, 4) === 0 ? 2 : 1)) {
    const files = readdirSync(join(dir, name));
    const file = join(dir, name, files[random.integer(0, files.length - 1)]);
    const bytes = readFileSync(file);
    const at = random.integer(0, bytes.length - 1);
    const cut = random.integer(0, 1) === 0;
    // A change of white space at the end of checksums.json is no damage.
    if (file.endsWith('checksums.json') && at > bytes.length - 3) continue;
    if (cut) writeFileSync(file, bytes.subarray(0, at));
    else {
      const before = bytes.toString('latin1');
      bytes[at] ^= 1 << random.integer(0, 7);
      if (file.endsWith('checksums.json') && sameJson(before, bytes.toString('latin1'))) continue;
      writeFileSync(file, bytes);
    }
    counts[cut ? 'cut' : 'flipped']++;
    damaged.add(name);
    story.push(
      `  ${cut ? 'cut' : 'flipped a bit of'} ${name}/${file.slice(join(dir, name).length + 1)} at ${at}`,
    );
  }
}

function sameJson(a: string, b: string): boolean {
  try {
    return JSON.stringify(JSON.parse(a)) === JSON.stringify(JSON.parse(b));
  } catch {
    return false;
  }
}
