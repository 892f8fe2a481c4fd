/** What is wrong with files and folders of any kind. */
import { CHECK_PATH } from '../phrases/hints.js';
import { worded } from '../wording.js';

export const FILES_ERRORS = {
  'refused-by-system': worded<{ reason: string }>({
    says: ({ reason }) => reason,
    hint: () =>
      'The operating system refused this: check the free space of the disk, and your permissions there.',
  }),
  'file-unreadable': worded<{ file: string; reason: string }>({
    says: ({ file, reason }) => `cannot read ${file}: ${reason}`,
    hint: () => CHECK_PATH,
  }),
  'file-unwritable': worded<{ path: string; reason: string }>({
    says: ({ path, reason }) => `cannot write ${path}: ${reason}`,
    hint: () => 'Check the free space of the disk and your permissions there, or choose another place.',
  }),
  'output-file-is-folder': worded<{ path: string }>({
    says: ({ path }) => `cannot write ${path}: it is a folder`,
    hint: () => 'Give a file for the results, for example one in this folder.',
  }),
  'output-file-is-input': worded<{ path: string }>({
    says: ({ path }) => `${path} is an input as well, so it is not written`,
    hint: () => 'Choose another file for the results.',
  }),
  'output-file-link-circular': worded<{ path: string }>({
    says: ({ path }) => `cannot write ${path}: it is a link that leads in circles`,
    hint: () => 'Remove the link, or choose another file for the results.',
  }),
  'output-file-name-of-folder': worded<{ path: string }>({
    says: ({ path }) => `${path} is the name of a folder, not of a file`,
    hint: () => 'Give a file for the results.',
  }),
  'output-file-read-only': worded<{ path: string }>({
    says: ({ path }) => `cannot write ${path}: it is read-only`,
    hint: () => 'Make the file writable, or choose another one for the results.',
  }),
  'output-file-without-folder': worded<{ path: string; folder: string }>({
    says: ({ path, folder }) => `cannot write ${path}: there is no folder ${folder}`,
    hint: () => 'Make that folder first, or choose another one for the results.',
  }),
  'output-overlaps-input': worded<{
    outputDir: string;
    /** In words: `the model`. */
    what: string;
    path: string;
    /** Whether the input is the output folder itself. */
    isFolder: boolean;
  }>({
    says: ({ outputDir, what, path, isFolder }) =>
      `the output cannot be written to ${outputDir}: ` +
      (isFolder ? `it is ${what} itself (${path})` : `${what}, ${path}, is where it would go`),
    hint: () => 'Choose another output folder.',
  }),
};
