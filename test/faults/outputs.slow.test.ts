/**
 * Every command with outputs that cannot be written. Results that cannot be written are an error, in one sentence
 * and with status 1, also if some of them fit; a reader that closes the pipe is no error. An unwritable stderr
 * affects no results.
 *
 * With CI a third of the commands, a different one each time, and never `demo`, which trains for minutes.
 */
import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { writeByteModel } from '../support/byte-model.js';
import { errorLines, runChild, shown, timeless } from '../support/child.js';
import type { ChildEnd, ChildOptions, Sink } from '../support/child.js';
import { ROWS, toJsonl, writeData } from '../support/cli.js';
import { seedFrom } from '../support/counts.js';
import { printed } from '../support/refusal.js';
import { can, Disk } from './machine.js';

interface Command {
  readonly words: readonly string[];
  readonly input?: string;
  /** It runs until it is interrupted. */
  readonly serves?: boolean;
  /** It trains for minutes. */
  readonly long?: boolean;
}

const LEARN = ['--model', 'model', '--dataset', 'data', '--max-steps', '4', '--threads', '1'];
const TRAIN = ['train', ...LEARN, '--output-dir', 'out', '--logging-steps', '1', '--eval-strategy', 'epoch'];
const COMPARE = ['compare', ...LEARN, '--output-dir', 'out', '--logging-steps', '1'];
const FINETUNED = [
  'compare',
  '--finetuned',
  'run',
  '--model',
  'model',
  '--dataset',
  'data',
  '--threads',
  '1',
];
const EVALUATE = ['evaluate', '--model', 'run', '--dataset', 'data'];
const PREDICT = ['predict', '--model', 'run'];
const INSPECT = ['inspect', '--model', 'model', '--dataset', 'data'];
const SERVE = ['serve', '--demo', '--model', 'model'];
const REPRODUCE = ['reproduce', 'run', '--output-dir', 'out'];
const PRUNE = ['cache', 'prune', '--yes', 'a/b'];
/** Larger than what a pipe holds. */
const TEXTS = toJsonl(
  Array.from({ length: 3000 }, (_, i) => ({ text: `${ROWS[i % ROWS.length].text} ${i}` })),
);

const both = (words: readonly string[], more: Omit<Command, 'words'> = {}): Command[] => [
  { words, ...more },
  { words: [...words, '--json'], ...more },
];

const COMMANDS: readonly Command[] = [
  ...both(TRAIN),
  {
    words: [
      ...TRAIN.filter((word) => word !== '--eval-strategy' && word !== 'epoch'),
      '--dataset',
      'data/train.jsonl',
      '--json',
    ],
  },
  ...both(COMPARE),
  ...both(FINETUNED),
  ...both(EVALUATE),
  { words: [...PREDICT, '--text', 'a fine day'] },
  { words: [...PREDICT, '--text', 'a fine day', '--text', 'a grim day', '--explain', '--logits'] },
  { words: [...PREDICT, '--input', 'texts.jsonl'] },
  { words: [...PREDICT, '--input', '-'], input: TEXTS },
  { words: [...PREDICT, '--input', 'texts.jsonl', '--output', 'out.jsonl'] },
  ...both(INSPECT),
  ...both(REPRODUCE),
  ...both(['report', 'run']),
  ...both(['report', 'compared']),
  ...both(['cache']),
  ...both(PRUNE),
  ...both([...SERVE, '--out', 'page']),
  ...both([...SERVE, '--port', '0'], { serves: true }),
  { words: ['doctor'] },
  { words: ['demo', '--output-dir', 'out'], long: true },
  { words: [] },
  { words: ['--help'] },
  { words: ['--version'] },
  ...[
    'train',
    'compare',
    'evaluate',
    'predict',
    'inspect',
    'reproduce',
    'report',
    'cache',
    'serve',
    'doctor',
    'demo',
  ].map((name) => ({ words: [name, '--help'] })),
  { words: ['cache', 'prune', '--help'] },
];

/** Commands at a time. */
const LANES = 2;
const LOST = `error: ${printed('results-unwritable', { reason: 'ENOSPC: ' })}`;
const hasFull = existsSync('/dev/full') && statSync('/dev/full').isCharacterDevice();
const noFull = !hasFull && 'there is no /dev/full';
const noPipe = process.platform === 'win32' && 'there are no named pipes';
const noDisk = !can.mount && 'no disk can be mounted: this needs root';

let root = '';
let runs = 0;
let disks = 0;
const counts: Record<string, number> = {};
before(async () => {
  root = mkdtempSync(join(tmpdir(), 'attune-outputs-'));
  const template = join(root, 'template');
  await writeByteModel(join(template, 'model'));
  writeData(join(template, 'data'));
  writeFileSync(join(template, 'texts.jsonl'), TEXTS);
  const blobs = join(template, 'hub', 'models--a--b', 'blobs');
  mkdirSync(blobs, { recursive: true });
  writeFileSync(join(blobs, 'one'), '12345');
  const env = environment(template);
  const trained = await runChild([...TRAIN.map((word) => (word === 'out' ? 'run' : word))], {
    cwd: template,
    env,
  });
  assert.equal(trained.code, 0, shown(trained));
  cpSync(join(template, 'run'), join(template, 'compared'), { recursive: true });
  const compared = await runChild(
    FINETUNED.map((word) => (word === 'run' ? 'compared' : word)),
    { cwd: template, env },
  );
  assert.equal(compared.code, 0, shown(compared));
});
after(() => {
  const runsOf = Object.entries(counts).map(([way, n]) => `${way} ${n}`);
  console.log(`runs with an output that cannot be written: ${runsOf.join(', ')}`);
  rmSync(root, { recursive: true, force: true });
});

const environment = (cwd: string): Readonly<Record<string, string>> => ({
  HF_HUB_CACHE: join(cwd, 'hub'),
  ATTUNE_CACHE: join(root, 'cache'),
});

interface Outcome extends ChildEnd {
  /** The files in its folder, without numbers. */
  readonly files: readonly string[];
}

/** Runs a command in a new folder. */
async function outcome(
  { words, input }: Command,
  options: Pick<ChildOptions, 'stdout' | 'stderr' | 'signal'>,
): Promise<Outcome> {
  const cwd = join(root, `run-${runs++}`);
  cpSync(join(root, 'template'), cwd, { recursive: true });
  try {
    const end = await runChild(words, { cwd, input, env: environment(cwd), ...options });
    const files = (readdirSync(cwd, { recursive: true }) as string[]).map((name) =>
      name.replace(/\d+/g, '#'),
    );
    return { ...end, files: files.sort() };
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

function count(way: string): void {
  counts[way] = (counts[way] ?? 0) + 1;
}

/** Interrupts a server when its output `on` shows that it has started. */
const interrupted = ({ serves }: Command, on: 'stdout' | 'stderr'): ChildOptions['signal'] =>
  serves ? { when: on === 'stderr' ? /Open this address/ : /\n/, on, name: 'SIGINT' } : undefined;

function assertLost(end: ChildEnd): void {
  assert.ok(!end.hung, shown(end));
  assert.deepEqual([end.code, end.signal], [1, null], shown(end));
  const errors = errorLines(end.stderr);
  assert.equal(errors.length, 1, shown(end));
  assert.ok(errors[0].startsWith(LOST), shown(end));
  assert.doesNotMatch(
    end.stderr,
    /^\s+at .*:\d+:\d+\)?$|defect of attune|Unhandled|node:internal/m,
    shown(end),
  );
}

/** The command ends as it would with a reader and reports no error about the missing one. */
function assertQuiet(end: ChildEnd, whole: ChildEnd): void {
  assert.ok(!end.hung, shown(end));
  assert.deepEqual([end.code, end.signal], [whole.code, whole.signal], shown(end));
  assert.deepEqual(errorLines(end.stderr), errorLines(whole.stderr), shown(end));
  assert.doesNotMatch(
    end.stderr,
    /EPIPE|^\s+at .*:\d+:\d+\)?$|defect of attune|Unhandled|node:internal/m,
    shown(end),
  );
}

function assertUnharmed(end: Outcome, whole: Outcome, words: readonly string[]): void {
  assert.ok(!end.hung, shown(end));
  assert.deepEqual([end.code, end.signal], [whole.code, whole.signal], shown(end));
  assert.deepEqual(end.files, whole.files);
  assert.equal(sorted(end.stdout), sorted(whole.stdout), words.join(' '));
}

/** In an order of their own: a checkpoint is written and reported while the next steps run. */
const sorted = (stdout: string): string => timeless(stdout).split('\n').sort().join('\n');

/** Runs a command with a file as its output, on a disk with room for half of `length` bytes. */
async function onFullDisk(length: number, use: (sink: Sink) => Promise<ChildEnd>): Promise<ChildEnd> {
  const room = Math.max(1, Math.floor(length / 2));
  const disk = Disk.mount(join(root, `disk-${disks++}`), undefined);
  try {
    const path = join(disk.path, 'results');
    // Disks allocate pages: what the file already contains fills up the first.
    const before = (4096 - (room % 4096)) % 4096;
    writeFileSync(path, '#'.repeat(before));
    disk.shrink(before + room - (before > 0 ? 4096 : 0));
    const end = await use({ path });
    assert.ok(statSync(path).size > before, 'nothing fitted');
    return end;
  } finally {
    disk.unmount();
  }
}

const seed = seedFrom();
/** With CI every third command; the seed decides which. */
const drawn = process.env['CI'] === 'true' ? COMMANDS.filter((_, i) => (i + seed) % 3 === 0) : COMMANDS;
console.log(`outputs: seed ${seed} (ATTUNE_FUZZ_SEED), ${drawn.length} of ${COMMANDS.length} commands`);

describe('outputs that cannot be written', { concurrency: LANES, timeout: 3 * 3_600_000 }, () => {
  for (const command of drawn) {
    const { words, long, serves } = command;
    const isHelp = words.length === 0 || words.some((word) => word === '--help' || word === '--version');
    const skip = long === true && process.env['CI'] === 'true' && 'it trains for minutes';
    describe(`attune ${words.join(' ')}`, { skip, timeout: 3_600_000 }, () => {
      let whole: Outcome;
      before(async () => {
        whole = await outcome(command, { signal: interrupted(command, 'stdout') });
        assert.deepEqual([whole.code, whole.signal], [serves ? 130 : 0, null], shown(whole));
      });
      const prints = (): boolean => whole.stdout !== '';

      it(
        'reports one error and exits with 1 if stdout is /dev/full and anything is printed',
        { skip: noFull },
        async () => {
          count('stdout on /dev/full');
          const end = await outcome(command, { stdout: { path: '/dev/full' } });
          if (prints()) assertLost(end);
          else assertUnharmed({ ...end, stdout: '' }, whole, words);
        },
      );

      it(
        'reports one error and exits with 1 if the disk of stdout fills up halfway',
        { skip: noDisk },
        async (t) => {
          if (!prints()) return t.skip('it prints nothing');
          count('stdout on a full disk');
          assertLost(
            await onFullDisk(Buffer.byteLength(whole.stdout), (stdout) => outcome(command, { stdout })),
          );
        },
      );

      it('keeps its status and is quiet if stdout has no reader', { skip: noPipe }, async (t) => {
        if (!prints()) return t.skip('it prints nothing');
        count('stdout without a reader');
        assertQuiet(
          await outcome(command, { stdout: 'closed at once', signal: interrupted(command, 'stderr') }),
          whole,
        );
      });

      it(
        'keeps its status and is quiet if the reader of stdout closes after a line',
        { skip: isHelp && 'as above' },
        async (t) => {
          if (!prints()) return t.skip('it prints nothing');
          count('stdout read for a line');
          assertQuiet(
            await outcome(command, { stdout: 'closed after a line', signal: interrupted(command, 'stderr') }),
            whole,
          );
        },
      );

      for (const [way, sink, none] of [
        ['/dev/full', { path: '/dev/full' }, noFull],
        ['a pipe without a reader', 'closed at once', noPipe],
      ] as const) {
        it(
          `keeps results and status if stderr is ${way}`,
          { skip: none || (isHelp && 'nothing is written there') },
          async () => {
            count(`stderr on ${way}`);
            assertUnharmed(
              await outcome(command, { stderr: sink, signal: interrupted(command, 'stdout') }),
              whole,
              words,
            );
          },
        );
      }
    });
  }
});
