/** What is wrong with words on the command line, and what ends a command. */
import { didYouMean } from '../../nearest.js';
import type { FactNumber } from '../phrases/values.js';
import type { InnerError } from '../wording.js';
import { worded } from '../wording.js';

/** `within` is the command as it is called, such as `attune cache prune`. */
const helpOf = (within: string): string => `\`${within} --help\` lists what it takes.`;

const suggested = (word: string, known: readonly string[], within: string): string =>
  [didYouMean(word.replace(/=.*$/, ''), known), helpOf(within)].filter(Boolean).join(' ');

export const COMMAND_LINE_ERRORS = {
  'option-unknown': worded<{ option: string; known: readonly string[]; within: string }>({
    says: ({ option }) => `unknown option ${option}`,
    hint: ({ option, known, within }) => suggested(option, known, within),
  }),
  'command-unknown': worded<{ name: string; known: readonly string[]; within: string }>({
    says: ({ name }) => `unknown command ${name}`,
    hint: ({ name, known, within }) => suggested(name, known, within),
  }),
  'option-value-missing': worded<{ option: string; within: string }>({
    says: ({ option }) => `${option} needs a value`,
    hint: ({ within }) => helpOf(within),
  }),
  'command-missing': worded<{ within: string }>({
    says: ({ within }) => `${within} needs a command`,
    hint: ({ within }) => `\`${within} --help\` lists the commands.`,
  }),
  'command-argument-missing': worded<{ argument: string; within: string }>({
    says: ({ argument }) => `the argument ${argument} is missing`,
    hint: ({ within }) => helpOf(within),
  }),
  'command-argument-unexpected': worded<{ argument: string; within: string }>({
    says: ({ argument }) => `unexpected argument ${argument}`,
    hint: ({ within }) => helpOf(within),
  }),
  'command-line-invalid': worded<{ reason: string; within: string }>({
    says: ({ reason }) => reason,
    hint: ({ within }) => helpOf(within),
  }),

  'finetuned-excludes-resuming': worded<Record<string, never>>({
    says: (_, { argument }) =>
      `${argument('finetuned')} and ${argument('resumeFromCheckpoint')} exclude each other`,
    hint: (_, { argument }) =>
      `A finished model is compared as it is; without ${argument('finetuned')} the run is resumed.`,
  }),
  'prediction-input-ambiguous': worded<Record<string, never>>({
    says: (_, { argument }) => `${argument('text')} and ${argument('input')} exclude each other`,
    hint: (_, { argument }) =>
      `Give texts with ${argument('text')}, or a file with ${argument('input')} (- for stdin).`,
  }),
  'prediction-input-missing': worded<Record<string, never>>({
    says: (_, { argument }) => `${argument('text')} or ${argument('input')} is missing`,
    hint: (_, { argument }) =>
      `Give texts with ${argument('text')}, or a file with ${argument('input')} (- for stdin).`,
  }),
  'reproduced-folder-missing': worded<Record<string, never>>({
    says: () => 'the folder of the run is missing',
    hint: (_, { argument }) =>
      `Run \`attune reproduce DIR\`, where DIR is the ${argument('outputDir')} of a run.`,
  }),
  'run-not-reproduced': worded<{ folder: string; startDiffers: boolean }>({
    says: ({ folder }) => `${folder} was not reproduced`,
    hint: ({ startDiffers }) =>
      startDiffers
        ? 'It did not begin as the first run did: see the warnings above.'
        : 'It began as the first run did, with the same versions, data and weights.',
  }),
  'demo-not-given': worded<Record<string, never>>({
    says: (_, { argument }) => `${argument('demo')} is missing`,
    hint: (_, { given }) =>
      `With ${given('demo', true)}, \`attune serve\` serves the page that fine-tunes in the browser; ` +
      'there is nothing else to serve yet.',
  }),
  'page-written-not-served': worded<Record<string, never>>({
    says: (_, { argument }) =>
      `${argument('out')} writes the page and serves nothing: ` +
      `it excludes ${argument('host')} and ${argument('port')}`,
    hint: (_, { argument }) =>
      `Give either ${argument('out')}, or ${argument('host')} and ${argument('port')}.`,
  }),
  'logging-dir-of-run': worded<{ loggingDir: string }>({
    says: ({ loggingDir }) =>
      `the event files cannot be written to ${loggingDir}: the run itself writes there`,
    hint: (_, { argument }) => `Choose another ${argument('loggingDir')}.`,
  }),
  'logging-dir-blocked': worded<{ loggingDir: string; blocking: string }>({
    says: ({ loggingDir, blocking }) =>
      `the event files cannot be written to ${loggingDir}: ${blocking} is not a folder`,
    hint: (_, { argument }) => `Choose another ${argument('loggingDir')}, or move the file away.`,
  }),

  'report-source-missing': worded<{ folder: string; files: readonly [string, string] }>({
    says: ({ folder, files: [comparison, state] }) => `${folder} holds neither ${comparison} nor ${state}`,
    hint: () => 'Give the output folder of `attune compare` or `attune train`.',
  }),
  'report-source-damaged': worded<{ file: string; error: InnerError }>({
    says: ({ error }, { sentence }) => sentence(error),
    hint: () => 'The file is damaged, or was not written by a Trainer.',
  }),
  'log-history-empty': worded<{ file: string }>({
    says: ({ file }) => `${file} has no log entries yet`,
    hint: (_, { argument }) =>
      `A run writes the first one after ${argument('loggingSteps')} steps, or at its first evaluation.`,
  }),
  'results-unwritable': worded<{ reason: string }>({
    says: ({ reason }) => `the results cannot be written: ${reason}`,
    hint: () => 'What is written to stdout could not be stored: check the free space of the disk.',
  }),

  'installation-unusable': worded<{ parts: readonly string[] }>({
    says: ({ parts }) => `${parts.join(', ')}: not usable`,
    hint: () => 'See above for what to do.',
  }),
  'training-step-inaccurate': worded<{ difference: FactNumber }>({
    says: ({ difference }) => `the loss of a training step is off by ${difference}`,
    hint: () => 'Install attune again; if the loss is still off, attune cannot be used on this CPU.',
  }),
  'confirmation-impossible': worded<Record<string, never>>({
    says: () => 'stdin is not a terminal, so the removal cannot be confirmed',
    hint: (_, { given }) => `Add ${given('yes', true)} to remove it.`,
  }),

  interrupted: worded<Record<string, never>>({
    says: () => 'interrupted',
    hint: () => 'Run the same command again to start over.',
  }),
  'evaluation-interrupted': worded<{ folder: string; command: string }>({
    says: ({ folder }) =>
      `interrupted during the evaluation of the trained model, which is saved in ${folder}`,
    hint: () => 'Evaluate it with:',
  }),
  'other-seed-interrupted': worded<{ command: string }>({
    says: () => 'interrupted during the fine-tuning under another seed; the first model is complete',
    hint: () => 'Resume with:',
  }),
  'comparison-interrupted': worded<{ command: string }>({
    says: () => 'interrupted while the models were compared; the fine-tuned model is complete',
    hint: () => 'Resume with:',
  }),
};
