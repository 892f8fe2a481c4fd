/** Fuzzing of config files and command lines; fuzz.ts says how. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import type { Command } from 'commander';
import { addCacheOptions, CACHE_OPTIONS, PRUNE_OPTIONS } from '#attune/cli/cache-options.js';
import * as options from '#attune/cli/command-options.js';
import { createCommand, normalizeArguments } from '#attune/cli/command.js';
import { givenOptions } from '#attune/cli/command-arguments.js';
import {
  addCompareOptions,
  addTrainOptions,
  COMPARE_OPTIONS,
  givenCompareOptions,
  readConfigFile,
  trainOptionsOf,
} from '#attune/cli/options.js';
import type { ArgumentTable } from '#attune/train/argument-table.js';
import { resolveArguments, TRAINING_ARGUMENTS } from '#attune/train/arguments.js';
import { kebabCase } from '#attune/train/argument-table.js';
import { anyJson, mutateBytes, mutateFile } from '../support/mutations.js';
import { fuzz, shownBytes } from './fuzz.js';

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

interface FuzzedCommand {
  readonly name: string;
  readonly addOptions: (command: Command) => Command;
  /** Its options, unless they are those of `train`. */
  readonly table: ArgumentTable;
  readonly read: (command: Command) => unknown;
}

const TRAIN: FuzzedCommand = {
  name: 'train',
  addOptions: addTrainOptions,
  table: {},
  read: (command) => {
    const { args } = trainOptionsOf(command);
    assert.deepEqual(resolveArguments({ ...args }), args);
  },
};
const COMPARE: FuzzedCommand = {
  name: 'compare',
  addOptions: addCompareOptions,
  table: COMPARE_OPTIONS,
  read: (command) => {
    givenCompareOptions(command);
    TRAIN.read(command);
  },
};

const withTable = (
  name: string,
  addOptions: FuzzedCommand['addOptions'],
  table: ArgumentTable,
): FuzzedCommand => ({ name, addOptions, table, read: (command) => givenOptions(command, table) });
const cache = (command: Command): Command => {
  addCacheOptions(command, (each) => each.action(() => undefined));
  return command;
};

/** Every command but `train`, and `doctor`, which has no options. */
const COMMANDS: readonly FuzzedCommand[] = [
  COMPARE,
  withTable('evaluate', options.addEvaluateOptions, options.EVALUATE_OPTIONS),
  withTable('predict', options.addPredictOptions, options.PREDICT_OPTIONS),
  withTable('inspect', options.addInspectOptions, options.INSPECT_OPTIONS),
  withTable('reproduce', options.addReproduceOptions, options.REPRODUCE_OPTIONS),
  withTable('report', options.addReportOptions, options.REPORT_OPTIONS),
  withTable('serve', options.addServeOptions, options.SERVE_OPTIONS),
  withTable('demo', options.addDemoOptions, options.DEMO_OPTIONS),
  withTable('cache', cache, CACHE_OPTIONS),
  withTable('cache prune', (command) => cache(command).commands[0], PRUNE_OPTIONS),
];

describe('readConfigFile', () => {
  let dir = '';
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'attune-fuzz-'));
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  fuzz('reads or refuses any config file', 0.08, () => (random) => {
    const drawn = Object.fromEntries(
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
                { learning_rate: 1e-3, 'max-steps': 4, seed: 1, preset: 'notebook', ...drawn },
                null,
                2,
              ),
            ),
            random,
          )
        : Buffer.from(JSON.stringify(drawn));
    return {
      what: () => {
        const file = join(dir, 'fuzzed.json');
        writeFileSync(file, bytes);
        readConfigFile(file);
      },
      shown: () => shownBytes(bytes),
    };
  });
});

describe('attune', () => {
  fuzz('reads or refuses any command line', 0.08, () => (random) => {
    // Half of the command lines are those of `train`, which has the most options.
    const drawn = random.integer(0, 1) === 0 ? TRAIN : COMMANDS[random.integer(0, COMMANDS.length - 1)];
    const names = [...ALL_NAMES, ...Object.keys(drawn.table)];
    const word = (): string => {
      const name = kebabCase(names[random.integer(0, names.length - 1)]);
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
    ).filter((text) => !/--?con|^--?h(?!ost)/.test(text));
    return {
      what: () => {
        const command = drawn.addOptions(createCommand(drawn.name));
        command.configureOutput({ writeOut: () => undefined });
        command.parse(normalizeArguments(argv, command.options), { from: 'user' });
        drawn.read(command);
      },
      shown: () => `attune ${drawn.name} ${JSON.stringify(argv)}`,
    };
  });
});
