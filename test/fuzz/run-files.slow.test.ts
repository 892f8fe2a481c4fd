/**
 * Fuzzing of what a run reads beside its data: tokenizer files, config.json, trainer_state.json and the other
 * files of a checkpoint, optimizer.pt, manifest, config file, command line. Whatever the bytes are, they are
 * read right or refused with an AttuneError of exit status 1 or 2, quickly.
 *
 *   ATTUNE_FUZZ_CASES   cases in all, 30,000 by default     ATTUNE_FUZZ_SEED   the seed
 */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  addEvaluateOptions,
  addInspectOptions,
  addPredictOptions,
  addReproduceOptions,
  EVALUATE_OPTIONS,
  INSPECT_OPTIONS,
  PREDICT_OPTIONS,
  REPRODUCE_OPTIONS,
} from '#attune/cli/command-options.js';
import { createCommand, isDone, normalizeArguments } from '#attune/cli/command.js';
import { givenOptions } from '#attune/cli/command-arguments.js';
import { addTrainOptions, readConfigFile, trainOptionsOf } from '#attune/cli/options.js';
import type { EngineSession } from '#attune/engine/engine.js';
import { AttuneError } from '#attune/errors.js';
import { parseConfig, readConfig, toJson } from '#attune/model/config.js';
import type { Gpt2Config } from '#attune/model/config.js';
import { gpt2Graphs } from '#attune/model/gpt2.js';
import { Tokenizer } from '#attune/text/tokenizer.js';
import { resolveArguments, TRAINING_ARGUMENTS } from '#attune/train/arguments.js';
import { readCheckpoint, verifyCheckpoint } from '#attune/train/checkpoint.js';
import { readManifest } from '#attune/train/manifest.js';
import { parseTrainerState, stateToJson } from '#attune/train/state.js';
import { restoreTorchOptimizer } from '#attune/train/torch-optimizer.js';
import { kebabCase } from '#attune/train/argument-table.js';
import { writeByteModel } from '../support/byte-model.js';
import { attune, writeData } from '../support/cli.js';
import { casesFrom, seedFrom } from '../support/counts.js';
import { fixturePath } from '../support/fixtures.js';
import { anyJson, mutateBytes, mutateFile } from '../support/mutations.js';
import { Random } from '../support/random.js';

const CASES = casesFrom('ATTUNE_FUZZ_CASES', 30_000);
const seed = seedFrom();
/**
 * One case that computes for longer than this is a hang in the making. The time is that of the processor,
 * which a busy machine does not lengthen.
 */
const SLOWEST_MS = 20_000;
const MOST_HEAP = 1.5 * 2 ** 30;

let root = '';
before(async () => {
  root = mkdtempSync(join(tmpdir(), 'attune-fuzz-'));
  await writeByteModel(join(root, 'model'));
  writeData(join(root, 'data'));
  const run = await attune(
    [
      'train',
      '--model',
      'model',
      '--dataset',
      'data',
      '--output-dir',
      'run',
      '--max-steps',
      '3',
      '--save-steps',
      '3',
      '--eval-strategy',
      'steps',
      '--eval-steps',
      '1',
      '--logging-steps',
      '1',
      '--save-strategy',
      'steps',
      '--early-stopping-patience',
      '9',
      '--threads',
      '1',
    ],
    { cwd: root },
  );
  assert.equal(run.code, 0, run.stderr);
});
after(() => rmSync(root, { recursive: true, force: true }));

interface Tally {
  cases: number;
  read: number;
  refused: number;
  slowest: number;
}

/** Runs one case: what it does must end well or with an AttuneError that says something. */
async function one(tally: Tally, what: () => unknown, story: () => string): Promise<void> {
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

/** A share of all cases of one kind, under a seed of its own. */
function fuzz(
  name: string,
  share: number,
  prepare: () => (random: Random) => { readonly what: () => unknown; readonly shown: () => string },
): void {
  test(`${name}: read right or refused`, { timeout: 3_600_000 }, async (t) => {
    const tally: Tally = { cases: 0, read: 0, refused: 0, slowest: 0 };
    const random = new Random(seed);
    const draw = prepare();
    for (let i = 0; i < Math.max(1, Math.round(CASES * share)); i++) {
      const caseSeed = random.integer(0, 2 ** 31 - 1);
      const { what, shown } = draw(new Random(caseSeed));
      await one(tally, what, () => `case ${i} of seed ${seed}: ${shown()}`);
    }
    const heap = process.memoryUsage().heapUsed;
    assert.ok(heap < MOST_HEAP, `the heap has grown to ${heap} bytes`);
    t.diagnostic(
      `seed ${seed}: ${tally.cases} cases, ${tally.read} read, ${tally.refused} refused, ` +
        `slowest ${tally.slowest.toFixed(0)} ms`,
    );
  });
}

const shownBytes = (bytes: Uint8Array): string =>
  JSON.stringify(Buffer.from(bytes).toString('latin1').slice(0, 2000));

/** A fuzz target that is a file of a folder: mutated, then read with the rest of the folder. */
function fuzzFile(
  name: string,
  share: number,
  from: () => string,
  files: readonly string[],
  read: (dir: string) => unknown,
  mutate = mutateFile,
): void {
  fuzz(name, share, () => {
    const source = from();
    const dir = join(root, 'fuzzed');
    rmSync(dir, { recursive: true, force: true });
    cpSync(source, dir, { recursive: true });
    const originals = new Map(files.map((file) => [file, readFileSync(join(source, file))]));
    return (random) => {
      const file = files[random.integer(0, files.length - 1)];
      const bytes = mutate(originals.get(file)!, random);
      return {
        what: async () => {
          writeFileSync(join(dir, file), bytes);
          try {
            await read(dir);
          } finally {
            writeFileSync(join(dir, file), originals.get(file)!);
          }
        },
        shown: () => `${file} ${shownBytes(bytes)}`,
      };
    };
  });
}

const TEXT = 'A text, with \u00e9 and 🙂<|endoftext|> to read.';

/** The byte model's tokenizer with some merges and every optional file, in both layouts. */
function tokenizerFolder(single: boolean): string {
  const dir = join(root, single ? 'tokenizer-json' : 'tokenizer-files');
  mkdirSync(dir, { recursive: true });
  const vocab = JSON.parse(readFileSync(join(root, 'model', 'vocab.json'), 'utf8')) as Record<string, number>;
  const merges = ['t h', 'th e', 'e r', 'Ġ t', 'a n'];
  for (const merge of merges) vocab[merge.replace(' ', '')] = Object.keys(vocab).length;
  const special = {
    bos_token: '<|endoftext|>',
    eos_token: { content: '<|endoftext|>', lstrip: false, normalized: true },
    unk_token: '<|endoftext|>',
  };
  writeFileSync(
    join(dir, 'tokenizer_config.json'),
    JSON.stringify({
      add_prefix_space: false,
      model_max_length: 32,
      tokenizer_class: 'GPT2Tokenizer',
      ...special,
    }),
  );
  writeFileSync(join(dir, 'special_tokens_map.json'), JSON.stringify(special));
  if (single) {
    const model = {
      type: 'BPE',
      vocab,
      merges,
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
    };
    writeFileSync(
      join(dir, 'tokenizer.json'),
      JSON.stringify({
        version: '1.0',
        added_tokens: [{ id: 256, content: '<|endoftext|>', special: true }],
        normalizer: null,
        pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false },
        decoder: { type: 'ByteLevel' },
        model,
      }),
    );
  } else {
    writeFileSync(join(dir, 'vocab.json'), JSON.stringify(vocab));
    writeFileSync(join(dir, 'merges.txt'), `#version: 0.2\n${merges.join('\n')}\n`);
    writeFileSync(join(dir, 'added_tokens.json'), JSON.stringify({ '<|endoftext|>': 256 }));
  }
  return dir;
}

async function readTokenizer(dir: string): Promise<void> {
  const tokenizer = await Tokenizer.fromDirectory(dir);
  const { ids } = tokenizer.encode(TEXT, { maxLength: 32 });
  assert.ok(ids.length >= 1 && ids.length <= 32 && ids.every((id) => id >= 0 && id < tokenizer.vocabSize));
  assert.equal(typeof tokenizer.decode(ids), 'string');
  // What is saved is read again as the same tokenizer.
  assert.ok(tokenizer.files().size >= 3);
}

fuzzFile(
  'tokenizer files',
  0.16,
  () => tokenizerFolder(false),
  ['vocab.json', 'merges.txt', 'tokenizer_config.json', 'special_tokens_map.json', 'added_tokens.json'],
  readTokenizer,
);
fuzzFile(
  'tokenizer.json',
  0.16,
  () => tokenizerFolder(true),
  ['tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json'],
  readTokenizer,
);
fuzzFile(
  'config.json',
  0.16,
  () => join(root, 'run', 'checkpoint-3'),
  ['config.json'],
  async (dir) => {
    const config = await readConfig(dir);
    const mathematics = (saved: Gpt2Config): object => ({ ...saved, fields: undefined });
    // Beside what decides the mathematics, saving names the architecture as it is.
    assert.deepEqual(mathematics(parseConfig(JSON.parse(toJson(config)), 'again')), mathematics(config));
  },
);
fuzzFile(
  'trainer_state.json',
  0.14,
  () => join(root, 'run', 'checkpoint-3'),
  ['trainer_state.json'],
  async (dir) => {
    const { state } = await readCheckpoint(dir);
    parseTrainerState(stateToJson(state), 'again');
  },
);
fuzzFile(
  'the other files of a checkpoint',
  0.06,
  () => join(root, 'run', 'checkpoint-3'),
  ['attune_state.json', 'checksums.json'],
  async (dir) => {
    await readCheckpoint(dir);
    await verifyCheckpoint(dir);
  },
);
fuzzFile(
  'optimizer.pt of the Trainer',
  0.08,
  () => fixturePath('trainer-checkpoint/checkpoint-5'),
  ['optimizer.pt'],
  async (dir) => {
    const session = {
      writeTensor: (_kind: string, _name: string, values: Float32Array) => (
        assert.ok(values.every(Number.isFinite)),
        Promise.resolve()
      ),
    } as unknown as EngineSession;
    await restoreTorchOptimizer(dir, session, gpt2Graphs(await readConfig(dir)).parameters);
  },
  mutateBytes,
);
fuzzFile(
  'attune.json',
  0.08,
  () => join(root, 'run'),
  ['attune.json'],
  (dir) => readManifest(dir),
);

const ALL_NAMES = [
  ...Object.keys(TRAINING_ARGUMENTS),
  'model',
  'dataset',
  'evalDataset',
  'trainRows',
  'textColumn',
  'device',
  'preset',
  'json',
  'threads',
];

fuzz('config file', 0.08, () => {
  const file = join(root, 'fuzzed.json');
  return (random) => {
    const options = Object.fromEntries(
      Array.from({ length: random.integer(0, 6) }, () => [
        ALL_NAMES[random.integer(0, ALL_NAMES.length - 1)],
        anyJson(random),
      ]),
    );
    const bytes =
      random.integer(0, 2) === 0
        ? mutateFile(
            Buffer.from(
              JSON.stringify(
                { learning_rate: 1e-3, 'max-steps': 4, seed: 1, preset: 'notebook', ...options },
                null,
                2,
              ),
            ),
            random,
          )
        : Buffer.from(JSON.stringify(options));
    return {
      what: () => {
        writeFileSync(file, bytes);
        readConfigFile(file);
      },
      shown: () => shownBytes(bytes),
    };
  };
});

const VALUES = [
  '',
  '0',
  '1',
  '-1',
  '1e-3',
  '1e999',
  'NaN',
  '0x10',
  '１',
  'true',
  'notebook',
  'epoch',
  'steps',
  'cpu',
  '--',
  '-',
  '\u0000',
  '\ud800',
  '🙂',
  'x'.repeat(5000),
  '=',
  '--json',
  '9007199254740993',
  ' 3 ',
  '3,5',
  '\n',
];

/** A command and the table of its options; `train` has a reader of its own. The last is the most frequent. */
function drawnCommand(kind: number) {
  switch (kind) {
    case 0:
      return [addEvaluateOptions(createCommand('evaluate')), EVALUATE_OPTIONS] as const;
    case 1:
      return [addPredictOptions(createCommand('predict')), PREDICT_OPTIONS] as const;
    case 2:
      return [addInspectOptions(createCommand('inspect')), INSPECT_OPTIONS] as const;
    case 3:
      return [addReproduceOptions(createCommand('reproduce')), REPRODUCE_OPTIONS] as const;
    default:
      return [addTrainOptions(createCommand('train')), undefined] as const;
  }
}

fuzz('command line', 0.08, () => (random) => {
  const word = (): string => {
    const name = kebabCase(ALL_NAMES[random.integer(0, ALL_NAMES.length - 1)]);
    const value = VALUES[random.integer(0, VALUES.length - 1)];
    switch (random.integer(0, 7)) {
      case 0:
        return value;
      case 1:
        return `--${name}=${value}`;
      case 2:
        return `--no-${name}`;
      case 3:
        return `--${name.replaceAll('-', '_')}`;
      case 4:
        return Buffer.from(mutateBytes(Buffer.from(`--${name}`), random)).toString('utf8');
      default:
        return `--${name}`;
    }
  };
  const argv = Array.from({ length: random.integer(0, 6) }, () =>
    random.integer(0, 2) === 0 ? VALUES[random.integer(0, VALUES.length - 1)] : word(),
  ).filter((text) => !/--?con|^--?h/.test(text));
  const kind = random.integer(0, 7);
  return {
    what: () => {
      const [command, table] = drawnCommand(kind);
      command.configureOutput({ writeOut: () => undefined });
      command.parse(normalizeArguments(argv, command.options), { from: 'user' });
      if (table) givenOptions(command, table);
      else {
        const { args } = trainOptionsOf(command);
        assert.deepEqual(resolveArguments({ ...args }), args);
      }
    },
    shown: () => JSON.stringify(argv),
  };
});

test('nothing of all this wrote outside its folder', () => {
  assert.deepEqual(readdirSync(root).sort(), [
    'data',
    'fuzzed',
    'fuzzed.json',
    'model',
    'run',
    'tokenizer-files',
    'tokenizer-json',
  ]);
});
