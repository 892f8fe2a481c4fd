/**
 * Fuzzing of the files that a run reads besides its data: tokenizer files, config.json, trainer_state.json and the
 * other files of a checkpoint, optimizer.pt and the manifest; fuzz.ts says how.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { EngineSession } from '#attune/engine/engine.js';
import { parseConfig, readConfig, toJson } from '#attune/model/config.js';
import type { Gpt2Config } from '#attune/model/config.js';
import { gpt2Graphs } from '#attune/model/gpt2.js';
import { Tokenizer } from '#attune/text/tokenizer.js';
import { readCheckpoint, verifyCheckpoint } from '#attune/train/checkpoint.js';
import { readManifest } from '#attune/train/manifest.js';
import { parseTrainerState, stateToJson } from '#attune/train/state.js';
import { restoreTorchOptimizer } from '#attune/train/torch-optimizer.js';
import { writeByteModel } from '../support/byte-model.js';
import { attune, writeData } from '../support/cli.js';
import { fixturePath } from '../support/fixtures.js';
import { mutateBytes, mutateFile } from '../support/mutations.js';
import { fuzz, shownBytes } from './fuzz.js';

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

/** A test whose cases mutate a file of a folder and read the folder. The folder itself must be readable. */
function fuzzFile(
  title: string,
  share: number,
  from: () => string,
  files: readonly string[],
  read: (dir: string) => unknown,
  mutate = mutateFile,
): void {
  fuzz(title, share, async () => {
    const source = from();
    const dir = join(root, 'fuzzed');
    rmSync(dir, { recursive: true, force: true });
    cpSync(source, dir, { recursive: true });
    await read(dir);
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
  // A saved tokenizer is read again as the same tokenizer.
  assert.ok(tokenizer.files().size >= 3);
  const saved = join(root, 'saved');
  rmSync(saved, { recursive: true, force: true });
  mkdirSync(saved);
  for (const [name, bytes] of tokenizer.files()) writeFileSync(join(saved, name), bytes);
  const again = await Tokenizer.fromDirectory(saved);
  assert.deepEqual(again.encodeIds(TEXT), tokenizer.encodeIds(TEXT));
  assert.deepEqual(again.files(), tokenizer.files());
}

describe('Tokenizer.fromDirectory', () => {
  fuzzFile(
    'reads or refuses mutated tokenizer files',
    0.16,
    () => tokenizerFolder(false),
    ['vocab.json', 'merges.txt', 'tokenizer_config.json', 'special_tokens_map.json', 'added_tokens.json'],
    readTokenizer,
  );
  fuzzFile(
    'reads or refuses a mutated tokenizer.json',
    0.16,
    () => tokenizerFolder(true),
    ['tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json'],
    readTokenizer,
  );
});

describe('readConfig', () => {
  fuzzFile(
    'reads or refuses a mutated config.json',
    0.16,
    () => join(root, 'run', 'checkpoint-3'),
    ['config.json'],
    async (dir) => {
      const config = await readConfig(dir);
      const mathematics = (saved: Gpt2Config): object => ({ ...saved, fields: undefined });
      // Apart from the fields that decide the computation, saving writes the name of the architecture.
      assert.deepEqual(mathematics(parseConfig(JSON.parse(toJson(config)), 'again')), mathematics(config));
    },
  );
});

describe('readCheckpoint', () => {
  fuzzFile(
    'reads or refuses a mutated trainer_state.json',
    0.14,
    () => join(root, 'run', 'checkpoint-3'),
    ['trainer_state.json'],
    async (dir) => {
      const { state } = await readCheckpoint(dir);
      parseTrainerState(stateToJson(state), 'again');
    },
  );
  fuzzFile(
    'reads or refuses the other files of a checkpoint, mutated',
    0.06,
    () => join(root, 'run', 'checkpoint-3'),
    ['attune_state.json', 'checksums.json'],
    async (dir) => {
      await readCheckpoint(dir);
      await verifyCheckpoint(dir);
    },
  );
});

describe('restoreTorchOptimizer', () => {
  fuzzFile(
    "reads or refuses a mutated optimizer.pt of transformers' Trainer",
    0.08,
    () => fixturePath('trainer-checkpoint/checkpoint-5'),
    ['optimizer.pt'],
    async (dir) => {
      const session = {
        writeTensor: (_kind: string, _name: string, values: Float32Array) => {
          assert.ok(values.every(Number.isFinite));
          return Promise.resolve();
        },
      } as unknown as EngineSession;
      await restoreTorchOptimizer(dir, session, gpt2Graphs(await readConfig(dir)).parameters);
    },
    mutateBytes,
  );
});

describe('readManifest', () => {
  fuzzFile(
    'reads or refuses a mutated attune.json',
    0.08,
    () => join(root, 'run'),
    ['attune.json'],
    (dir) => readManifest(dir),
  );
});

describe('fuzzed readers', () => {
  it('write only into their own folders', () => {
    assert.deepEqual(readdirSync(root).sort(), [
      'data',
      'fuzzed',
      'model',
      'run',
      'saved',
      'tokenizer-files',
      'tokenizer-json',
    ]);
  });
});
