/**
 * Refused commands, again and again and several at a time: each exits with its status and one error, never
 * by a signal, and leaves nothing behind. A thread that was started ahead and still loads native code when
 * the process exits could abort it, more often on a busy machine.
 *
 *   ATTUNE_REFUSALS   commands to run, 500 by default       ATTUNE_FUZZ_SEED   the seed of their order
 */
import assert from 'node:assert/strict';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { writeByteModel } from '../support/byte-model.js';
import { errorLines, inLanes, runChild, shown } from '../support/child.js';
import { ROWS, toJsonl, writeData } from '../support/cli.js';
import { casesFrom, seedFrom } from '../support/counts.js';
import { Random } from '../support/random.js';
import { snapshot } from './machine.js';

const REFUSALS = casesFrom('ATTUNE_REFUSALS', 500);
const seed = seedFrom();
const LANES = 3;

const train = (...more: string[]): string[] => [
  ...['train', '--output-dir', 'out'],
  ...(more.includes('--model') ? [] : ['--model', 'model']),
  ...(more.includes('--dataset') ? [] : ['--dataset', 'data']),
  ...more,
];
const compare = (...more: string[]): string[] => ['compare', ...train(...more).slice(1)];
const evaluate = (...more: string[]): string[] => [
  'evaluate',
  ...(more.includes('--model') ? [] : ['--model', 'run']),
  ...(more.includes('--dataset') ? [] : ['--dataset', 'data']),
  ...more,
];
const predict = (...more: string[]): string[] => [
  'predict',
  ...(more.includes('--model') ? [] : ['--model', 'run']),
  ...more,
];

/** Words and exit status: 2 for wrong usage, 1 for wrong input. */
const REFUSED: readonly (readonly [words: readonly string[], status: 1 | 2])[] = [
  [train('--dataset', 'column.csv'), 1],
  [train('--dataset', 'column.csv', '--text-column', 'txt', '--label-column', 'klass'), 1],
  [train('--dataset', 'broken.jsonl'), 1],
  [train('--dataset', 'quote.csv'), 1],
  [train('--dataset', 'one-class.jsonl'), 1],
  [train('--dataset', 'empty.jsonl'), 1],
  [train('--dataset', 'nowhere'), 1],
  [train('--dataset', 'nobody/nothing'), 1],
  [train('--eval-dataset', 'unknown-label.jsonl'), 1],
  [train('--model', './nowhere'), 1],
  [train('--model', 'nobody/nothing'), 1],
  [train('--model', 'bert'), 1],
  [train('--model', 'no-config'), 1],
  [train('--model', 'no-tokenizer'), 1],
  [train('--model', 'cut'), 1],
  [train('--model', 'garbage'), 1],
  [train('--model', 'nan'), 1],
  [train('--model', 'deeper'), 1],
  [train('--model', 'run', '--dataset', 'three-classes.jsonl'), 1],
  [train('--output-dir', 'run'), 2],
  [train('--output-dir', 'a-file'), 1],
  [train('--output-dir', 'data', '--resume-from-checkpoint'), 2],
  [train('--output-dir', 'nowhere', '--resume-from-checkpoint'), 1],
  [train('--output-dir', 'run', '--resume-from-checkpoint', 'run'), 2],
  [train('--model', 'model', '--output-dir', 'model', '--overwrite-output-dir'), 2],
  [train('--resume-from-checkpoint', 'nowhere'), 1],
  [train('--max-length', '65'), 2],
  [train('--learning-rate', 'fast'), 2],
  [train('--num-train-epochs', '0'), 2],
  [train('--device', 'cuda'), 2],
  [train('--leaning-rate', '1e-3'), 2],
  [train('--dataset', 'data/train.jsonl', '--eval-strategy', 'epoch'), 2],
  [train('--load-best-model-at-end'), 2],
  [train('--config', 'wrong.json'), 2],
  [train('--metric-for-best-model', 'beauty'), 2],
  [compare('--dataset', 'data/train.jsonl'), 2],
  [compare('--dataset', 'column.csv'), 1],
  [compare('--model', 'cut'), 1],
  [compare('--finetuned', 'nowhere'), 1],
  [compare('--finetuned', 'model', '--output-dir', 'run'), 1],
  [compare('--finetuned', 'run', '--resume-from-checkpoint'), 2],
  [evaluate('--model', 'model'), 1],
  [evaluate('--model', './nowhere'), 1],
  [evaluate('--model', 'cut-run'), 1],
  [evaluate('--dataset', 'nowhere'), 1],
  [evaluate('--dataset', 'unknown-label.jsonl'), 1],
  [evaluate('--text-column', 'txt'), 1],
  [evaluate('--batch-size', '0'), 2],
  [evaluate('--max-length', '65'), 2],
  [predict('--text', 'a', '--model', 'model'), 1],
  [predict('--text', 'a', '--model', './nowhere'), 1],
  [predict('--text', 'a', '--model', 'cut-run'), 1],
  [predict('--text', 'a', '--max-length', '65'), 2],
  [predict('--text', 'a', '--input', 'data/test.jsonl'), 2],
  [predict('--input', 'nowhere.jsonl'), 1],
  [predict('--input', 'column.csv'), 1],
  [predict('--input', 'broken.jsonl', '--text-column', 'txt'), 1],
  [predict('--input', 'data/test.jsonl', '--output', 'nowhere/out.jsonl'), 1],
  [predict(), 2],
  [['inspect', '--dataset', 'nowhere'], 1],
  [['inspect', '--dataset', 'data', '--model', './nowhere'], 1],
  [['reproduce', 'data'], 1],
  [['report', 'data'], 2],
  [['cache', 'prune', 'nobody/nothing'], 2],
  [['serve'], 2],
  [['serve', '--demo', '--model', './nowhere'], 1],
  [['fit'], 2],
];

function writeInputs(dir: string): void {
  const files: Readonly<Record<string, string>> = {
    'column.csv': 'txt,label\na,0\nb,1\n',
    'broken.jsonl': `${toJsonl(ROWS)}{"text": "x", "label"}\n`,
    'quote.csv': 'text,label\na,0\n"b,1\n',
    'one-class.jsonl': toJsonl([
      { text: 'a', label: 0 },
      { text: 'b', label: 0 },
    ]),
    'three-classes.jsonl': toJsonl([...ROWS, { text: 'neither', label: 2, label_text: 'so-so' }]),
    'unknown-label.jsonl': toJsonl([
      { text: 'a', label: 0 },
      { text: 'b', label: 7 },
    ]),
    'empty.jsonl': '',
    'wrong.json': '{"seeds": 1}',
    'a-file': 'mine',
  };
  for (const [name, contents] of Object.entries(files)) writeFileSync(join(dir, name), contents);
}

/** Copies of a model folder, each damaged in its own way. */
function writeDamagedModels(dir: string): void {
  const copy = (from: string, name: string, damage: (path: (file: string) => string) => void): void => {
    cpSync(join(dir, from), join(dir, name), { recursive: true });
    damage((file) => join(dir, name, file));
  };
  const field =
    (name: string, value: unknown) =>
    (path: (file: string) => string): void => {
      const config = JSON.parse(readFileSync(path('config.json'), 'utf8')) as object;
      writeFileSync(path('config.json'), JSON.stringify({ ...config, [name]: value }));
    };
  copy('model', 'bert', field('model_type', 'bert'));
  copy('model', 'deeper', field('n_layer', 2));
  copy('model', 'no-config', (path) => rmSync(path('config.json')));
  copy('model', 'no-tokenizer', (path) => rmSync(path('vocab.json')));
  copy('model', 'cut', (path) => truncateSync(path('model.safetensors'), 5000));
  copy('run', 'cut-run', (path) => truncateSync(path('model.safetensors'), 5000));
  copy('model', 'garbage', (path) => writeFileSync(path('model.safetensors'), 'no weights'));
  copy('model', 'nan', (path) => {
    const bytes = readFileSync(path('model.safetensors'));
    bytes.fill(0xff, bytes.length - 4);
    writeFileSync(path('model.safetensors'), bytes);
  });
}

let root = '';
const lane = (number: number): string => join(root, `lane-${number}`);
before(async () => {
  root = mkdtempSync(join(tmpdir(), 'attune-refusals-'));
  const first = lane(0);
  await writeByteModel(join(first, 'model'));
  writeData(join(first, 'data'));
  const trained = await runChild(
    ['train', '--model', 'model', '--dataset', 'data', '--output-dir', 'run', '--max-steps', '2'],
    { cwd: first },
  );
  assert.equal(trained.code, 0, shown(trained));
  writeInputs(first);
  writeDamagedModels(first);
  for (let number = 1; number < LANES; number++) cpSync(first, lane(number), { recursive: true });
  for (let number = 0; number < LANES; number++) mkdirSync(join(root, `tmp-${number}`));
});
after(() => rmSync(root, { recursive: true, force: true }));

/** REFUSALS commands: all of them in random order, then again in another order. */
function drawCommands(random: Random): typeof REFUSED {
  const drawn: (typeof REFUSED)[number][] = [];
  while (drawn.length < REFUSALS) {
    const round = REFUSED.map((command) => ({ command, at: random.integer(0, 1_000_000) }));
    drawn.push(...round.sort((a, b) => a.at - b.at).map(({ command }) => command));
  }
  return drawn.slice(0, REFUSALS);
}

describe('attune', () => {
  it(
    `refuses ${REFUSALS} commands, ${LANES} at a time, with one error and nothing left behind`,
    { timeout: 3 * 3_600_000 },
    async (t) => {
      t.diagnostic(`seed ${seed} (ATTUNE_FUZZ_SEED)`);
      const ends: Record<string, number> = {};
      const failures: string[] = [];
      const before = Array.from({ length: LANES }, (_, number) => snapshot(lane(number)));
      await inLanes(LANES, drawCommands(new Random(seed)), async ([words, status], number) => {
        const tmp = join(root, `tmp-${number}`);
        // Without Node's compile cache, which would be a file in the temporary folder.
        const env = { TMPDIR: tmp, ATTUNE_CACHE: join(tmp, 'cache'), NODE_DISABLE_COMPILE_CACHE: '1' };
        const end = await runChild(words, { cwd: lane(number), env });
        const how = String(end.code ?? end.signal);
        ends[how] = (ends[how] ?? 0) + 1;
        try {
          assert.ok(!end.hung, shown(end));
          assert.deepEqual([end.code, end.signal], [status, null], shown(end));
          assert.equal(errorLines(end.stderr).length, 1, shown(end));
          assert.doesNotMatch(end.stderr, /^\s+at |defect of attune|terminate called/m, shown(end));
          assert.equal(end.stdout, '');
          assert.deepEqual(snapshot(lane(number)), before[number], 'files were changed or left');
          assert.deepEqual(readdirSync(tmp), [], 'temporary files were left');
        } catch (error) {
          failures.push(
            `attune ${words.join(' ')}: ${error instanceof Error ? error.message : String(error)}`,
          );
        }
      });
      t.diagnostic(
        `refused commands: ${REFUSALS} (${REFUSED.length} kinds); ends: ${Object.entries(ends)
          .sort()
          .map(([how, n]) => `${how} ${n}`)
          .join(', ')}; failures ${failures.length}`,
      );
      assert.equal(failures.length, 0, `of seed ${seed}:\n${failures.join('\n')}`);
    },
  );
});
