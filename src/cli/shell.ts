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
  'Make room (attune cache lists what was downloaded, attune cache prune removes), ' +
  'or set HF_HUB_CACHE to a folder on another disk.';

/** What only programs can give goes by its name in the library. */
const WITHOUT_OPTION: ReadonlySet<string> = new Set(['validationSplit']);

const option = (name: string): string =>
  WITHOUT_OPTION.has(name) ? name : optionName(OPTIONS[name] ?? name);

export const COMMAND_LINE: Shell = {
  argument: option,
  given: (name, value) => (value === true ? option(name) : `${option(name)} ${value}`),
  hints: {
    'argument-unknown': ({ argument, known }) =>
      didYouMean(argument, known) ?? 'Leave it out: `attune train --help` lists all that there are.',
    'cache-disk-full': () =>
      `${MAKE_ROOM} What has come so far is kept, and the same command resumes from there.`,
    'cache-entry-unknown': () => '`attune cache` lists what is.',
    'cache-prune-unspecified': () => 'Give ids, --older-than DAYS, or --incomplete.',
    'cache-space-insufficient': () => MAKE_ROOM,
    'estimator-file-unreadable': () => 'Give a folder that attune compare wrote under baselines/.',
    'estimator-takes-other': () => 'Give a model that takes texts, such as those that attune compare writes.',
    'estimator-without-label-names': () => 'Earlier versions of attune saved none: run attune compare again.',
    'gpu-tensor-too-large': () =>
      'Use --device cpu, or a GPU whose maxStorageBufferBindingSize is larger (attune doctor shows it).',
    'model-head-missing': () => 'It was not trained to classify yet: run `attune train` first.',
    'run-interrupted': () => 'Resume with the same command and --resume-from-checkpoint.',
    'site-model-too-large': () => 'Train it with attune train --device webgpu.',
    'webgpu-unavailable': () => 'Use --device cpu; attune doctor reports more.',
  },
};
