/** What is wrong with the folder of a run: its lock, what is in it, and the files that describe the run. */
import { anotherOutputDir } from '../phrases/hints.js';
import { worded } from '../wording.js';
import type { InnerError, Plain } from '../wording.js';

/** The process that holds the lock of a folder; `since` is a time in ISO 8601. */
type Holder = { pid: number; host: string; since: string };

const named = ({ pid, host, since }: Holder): string => `process ${pid} on ${host}, since ${since}`;

const MOST_LISTED = 3;
const some = (names: readonly string[]): string =>
  `${names.slice(0, MOST_LISTED).join(', ')}${names.length > MOST_LISTED ? ', …' : ''}`;

const orDelete = (outputDir: string): string =>
  `Choose another ${outputDir}, or delete that file if nobody needs it.`;

const REPRODUCIBLE =
  'Give an output folder that attune trained into, with its attune.json as attune wrote it.';
const PUT_BACK = 'A run can be reproduced only from what it began with: put the checkpoint back.';
const WITHOUT_MEMORY =
  'The file records how attune trained the model. Move it away to use the model as one that attune did not train.';
const WITHOUT_ROWS =
  'The file records which rows the model was trained on. If you move it away, test rows among them are not counted.';

export const RUN_FOLDER_ERRORS = {
  /** `lock` is its file, if this machine cannot see the process that holds it. */
  'run-folder-locked': worded<{
    dir: string;
    holder: Holder;
    lock?: string | undefined;
  }>({
    says: ({ dir, holder }) => `another run is writing into ${dir}: ${named(holder)}`,
    hint: ({ lock }, { argument }) => {
      const ifGone =
        lock === undefined
          ? ''
          : ` If that run has certainly ended, try again in two minutes or delete ${lock}.`;
      return `Wait for it, stop it, or choose another ${argument('outputDir')}.${ifGone}`;
    },
  }),
  'run-lock-foreign': worded<{ dir: string; lock: string }>({
    says: ({ dir, lock }) => `${lock} is not a lock that attune made, so nothing is written into ${dir}`,
    hint: (_, { argument }) => orDelete(argument('outputDir')),
  }),
  'run-lock-unreadable': worded<{ dir: string; lock: string; reason: string }>({
    says: ({ dir, lock, reason }) => `${lock} cannot be read (${reason}), so nothing is written into ${dir}`,
    hint: (_, { argument }) => orDelete(argument('outputDir')),
  }),
  'run-lock-unremovable': worded<{ dir: string; lock: string; reason: string }>({
    says: ({ dir, reason }) => `the lock that an ended run left in ${dir} cannot be removed: ${reason}`,
    hint: ({ lock }, { argument }) => `Delete ${lock}, or choose another ${argument('outputDir')}.`,
  }),
  /** `takenBy` is absent if the lock's file is gone or holds something else. */
  'run-lock-lost': worded<{ dir: string; takenBy?: Holder | undefined }>({
    says: ({ dir, takenBy }) => {
      const how = takenBy === undefined ? 'its file is gone' : `taken by ${named(takenBy)}`;
      return `the lock of ${dir} is lost (${how}), so nothing more is written there`;
    },
    hint: () =>
      'A process that is suspended for minutes loses its lock to the next one. What it saved before is ' +
      'complete: resume from that in another folder, or when the other run has ended.',
  }),
  'output-dir-unwritable': worded<{ dir: string; reason: string }>({
    says: ({ dir, reason }) => `cannot write to the output folder ${dir}: ${reason}`,
    hint: (_, { argument }) => anotherOutputDir(argument('outputDir')),
  }),
  'output-dir-is-file': worded<{ dir: string }>({
    says: ({ dir }) => `cannot write to the output folder ${dir}: it is a file`,
    hint: (_, { argument }) => `Choose another ${argument('outputDir')}, or move the file away.`,
  }),
  /** `made` are names in the folder; `resumable`: this kind of run can be resumed there. */
  'output-dir-holds-run': worded<{ dir: string; made: readonly string[]; resumable: boolean }>({
    says: ({ dir, made }) => `${dir} already holds a run (${some(made)})`,
    hint: ({ resumable }, { argument, given }) => {
      const rest = `${given('overwriteOutputDir', true)}, or choose another ${argument('outputDir')}.`;
      return resumable
        ? `Resume it with ${given('resumeFromCheckpoint', true)}, replace it with ${rest}`
        : `Replace it with ${rest}`;
    },
  }),
  /** Purposes of a folder: `run`, `demo`, `page`. */
  'output-dir-purpose': worded<{ dir: string; found: string; wanted: string }>({
    says: ({ dir, found, wanted }) => `${dir} holds a ${found}, which a ${wanted} does not replace`,
    hint: () => 'Choose another folder, or remove this one.',
  }),
  'output-dir-holds-foreign': worded<{ dir: string; foreign: readonly string[]; resuming: boolean }>({
    says: ({ dir, foreign }) =>
      `${dir} holds ${some(foreign)}, which attune did not make and does not replace`,
    hint: ({ resuming }) => {
      const elsewhere = resuming ? ' A checkpoint can be resumed from in another folder: give its path.' : '';
      return `Choose another folder, or move away what is in the way.${elsewhere}`;
    },
  }),
  'output-file-foreign': worded<{ path: string }>({
    says: ({ path }) => `${path} is in the way: attune did not make it and does not replace it`,
    hint: () => 'Move it away.',
  }),
  'output-rename-foreign': worded<{ path: string; foreign: string }>({
    says: ({ path, foreign }) => `${path} cannot be renamed: attune did not make ${foreign}`,
    hint: () => 'Move it away.',
  }),
  'output-rename-failed': worded<{ path: string; reason: string }>({
    says: ({ path, reason }) => `${path} cannot be renamed: ${reason}`,
    hint: () => 'Check your permissions in that folder, and that no other program has it open.',
  }),
  'output-unremovable': worded<{ dir: string; reason: string }>({
    says: ({ dir, reason }) => `cannot remove what attune made in ${dir}: ${reason}`,
    hint: (_, { argument }) => anotherOutputDir(argument('outputDir')),
  }),
  'output-leftovers-unremovable': worded<{ dir: string; reason: string }>({
    says: ({ dir, reason }) => `what an interrupted write left in ${dir} cannot be removed: ${reason}`,
    hint: (_, { argument }) => anotherOutputDir(argument('outputDir')),
  }),
  'output-record-foreign': worded<{ file: string }>({
    says: ({ file }) => `${file} was not written by this version of attune, and is left as it is`,
    hint: () => 'Choose another folder, or move that file away.',
  }),
  'manifest-unreadable': worded<{ file: string; reason: string }>({
    says: ({ file, reason }) => `cannot read ${file}: ${reason}`,
    hint: () => REPRODUCIBLE,
  }),
  'manifest-not-json': worded<{ file: string }>({
    says: ({ file }) => `${file} is not a manifest: it is not JSON`,
    hint: () => REPRODUCIBLE,
  }),
  'manifest-foreign': worded<{ file: string }>({
    says: ({ file }) => `${file} is not a manifest`,
    hint: () => REPRODUCIBLE,
  }),
  'manifest-format': worded<{ file: string; found: Plain; known: number }>({
    says: ({ file, found, known }) =>
      `${file} has the format ${JSON.stringify(found)}; this version of attune reads ${known}`,
    hint: () => REPRODUCIBLE,
  }),
  'manifest-damaged': worded<{ file: string }>({
    says: ({ file }) => `${file} is damaged`,
    hint: () => REPRODUCIBLE,
  }),
  'manifest-arguments-invalid': worded<{ file: string; error: InnerError }>({
    says: ({ file, error }, { sentence }) => `${file}: ${sentence(error)}`,
    hint: () => REPRODUCIBLE,
  }),
  'model-memory-unreadable': worded<{ file: string; reason: string }>({
    says: ({ file, reason }) => `cannot read ${file}: ${reason}`,
    hint: () => WITHOUT_MEMORY,
  }),
  'model-memory-not-json': worded<{ file: string }>({
    says: ({ file }) => `${file} is not JSON`,
    hint: () => WITHOUT_MEMORY,
  }),
  'model-memory-foreign': worded<{ file: string }>({
    says: ({ file }) => `${file} was not written by attune`,
    hint: () => WITHOUT_MEMORY,
  }),
  'model-memory-format': worded<{ file: string; found: Plain; known: number }>({
    says: ({ file, found, known }) =>
      `${file} has the format ${JSON.stringify(found)}; this version of attune reads ${known}`,
    hint: () => WITHOUT_MEMORY,
  }),
  'model-memory-field-unknown': worded<{ file: string; field: string }>({
    says: ({ file, field }) => `${file} has the field ${field}, which only later versions of attune know`,
    hint: () => WITHOUT_MEMORY,
  }),
  'model-memory-problem-type': worded<{ file: string; problemType: Plain }>({
    says: ({ file, problemType }) =>
      `${file} is of a model for ${JSON.stringify(problemType)}, which this version of attune does not support`,
    hint: () => WITHOUT_MEMORY,
  }),
  'model-memory-damaged': worded<{ file: string }>({
    says: ({ file }) => `${file} is damaged`,
    hint: () => WITHOUT_MEMORY,
  }),
  'trained-rows-format': worded<{ file: string; found: Plain }>({
    says: ({ file, found }) =>
      `${file} has the format ${JSON.stringify(found)}, which this version of attune does not read`,
    hint: () => WITHOUT_ROWS,
  }),
  'trained-rows-damaged': worded<{ file: string }>({
    says: ({ file }) => `${file} is damaged`,
    hint: () => WITHOUT_ROWS,
  }),
  'run-unfinished': worded<{ dir: string }>({
    says: ({ dir }) => `${dir} holds no finished run: trainer_state.json cannot be read`,
    hint: (_, { given }) => `Finish the run first, with ${given('resumeFromCheckpoint', true)}.`,
  }),
  'run-origin-missing': worded<{ dir: string; checkpoint: string }>({
    says: ({ dir, checkpoint }) =>
      `${dir} was resumed from a checkpoint of another run, ${checkpoint}, which is no longer there`,
    hint: () => PUT_BACK,
  }),
  'run-origin-changed': worded<{ dir: string; checkpoint: string }>({
    says: ({ dir, checkpoint }) =>
      `${dir} was resumed from a checkpoint of another run, ${checkpoint}, ` +
      'whose files have changed since (SHA-256)',
    hint: () => PUT_BACK,
  }),
};
