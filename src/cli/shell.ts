/** The terms of the command line: options as they are typed. */
import type { Shell } from '../errors/shell.js';
import { didYouMean } from '../nearest.js';
import { optionName } from './command-arguments.js';

/**
 * Arguments of the library that are options of another name; and `configFile`, which is an argument of the
 * command line only.
 */
const OPTIONS: Readonly<Record<string, string>> = { config: 'datasetConfig', configFile: 'config' };

const MAKE_ROOM =
  'Make room (`attune cache` lists what was downloaded, `attune cache prune` removes it), ' +
  'or set HF_HUB_CACHE to a folder on another disk.';

const COMPARE_AGAIN =
  'This version of attune did not write the file, or it is damaged: run `attune compare` again.';

/** What only programs can give goes by its name in the library. */
const WITHOUT_OPTION: ReadonlySet<string> = new Set(['validationSplit']);

const option = (name: string): string =>
  WITHOUT_OPTION.has(name) ? name : optionName(OPTIONS[name] ?? name);

export const COMMAND_LINE: Shell = {
  argument: option,
  given: (name, value) => (value === true ? option(name) : `${option(name)} ${value}`),
  hints: {
    'argument-unknown': ({ argument, known }) =>
      didYouMean(argument, known) ?? 'Leave it out: `attune train --help` lists all options.',
    'cache-disk-full': () =>
      `${MAKE_ROOM} What was downloaded so far is kept, and the same command resumes from there.`,
    'cache-entry-unknown': () => '`attune cache` lists what is in it.',
    'cache-prune-unspecified': () => 'Give ids, --older-than DAYS, or --incomplete.',
    'comparison-file-invalid': () => COMPARE_AGAIN,
    'comparison-file-syntax': () => COMPARE_AGAIN,
    'cache-space-insufficient': () => MAKE_ROOM,
    'estimator-file-unreadable': () => 'Give a folder that `attune compare` wrote under baselines/.',
    'estimator-takes-other': () =>
      'Give a model that takes texts, such as those that `attune compare` writes.',
    'estimator-without-label-names': () =>
      'Earlier versions of attune saved none: run `attune compare` again.',
    'eval-dataset-is-folder': () => 'Give the file in it, or a pattern of files, in quotes.',
    'file-pattern-unmatched': ({ folder }) =>
      `Files were looked for in ${folder}. Quote the pattern, so that the shell does not expand it.`,
    'gpu-tensor-too-large': () =>
      'Use --device cpu, or a GPU whose maxStorageBufferBindingSize is larger (`attune doctor` shows it).',
    'model-folder-classical': () =>
      '`attune predict` and `attune evaluate` take such a folder; ' +
      '`attune train` and `attune compare` start from a GPT-2.',
    'model-head-missing': () => 'It has not been trained to classify: run `attune train` first.',
    'part-class-too-small': () => 'Add rows of that class, or remove the one that it has.',
    'run-interrupted': () => 'Resume with the same command and --resume-from-checkpoint.',
    'site-model-too-large': () => 'Train it with `attune train --device webgpu`.',
    'webgpu-unavailable': () => 'Use --device cpu; `attune doctor` reports more.',
  },
};
