/** What is wrong with files and folders of any kind. */
import { worded } from '../wording.js';

export const FILES_ERRORS = {
  'refused-by-system': worded<{ reason: string }>({
    says: ({ reason }) => reason,
    hint: () => 'The operating system refused this: check the disk’s space and your rights there.',
  }),
  'file-unwritable': worded<{ path: string; reason: string }>({
    says: ({ path, reason }) => `cannot write ${path}: ${reason}`,
    hint: () => 'Check the space of the disk and your rights there, or name another place.',
  }),
  'output-file-is-folder': worded<{ path: string }>({
    says: ({ path }) => `cannot write ${path}: it is a folder`,
    hint: () => 'Name a file for the results, for example one in this folder.',
  }),
  'output-file-is-input': worded<{ path: string }>({
    says: ({ path }) => `${path} is read by this command, so it is not written`,
    hint: () => 'Choose another file for the results.',
  }),
  'output-file-link-circular': worded<{ path: string }>({
    says: ({ path }) => `cannot write ${path}: it is a link that leads in circles`,
    hint: () => 'Remove the link, or choose another file for the results.',
  }),
  'output-file-name-of-folder': worded<{ path: string }>({
    says: ({ path }) => `${path} is the name of a folder, not of a file`,
    hint: () => 'Name the file for the results.',
  }),
  'output-file-read-only': worded<{ path: string }>({
    says: ({ path }) => `cannot write ${path}: it is read-only`,
    hint: () => 'Make the file writable, or choose another one for the results.',
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
      `${outputDir} is to be written into, and ${what}, ${path}, ` +
      (isFolder ? 'is that very folder' : 'stands in it where the output goes'),
    hint: () => 'Choose another output folder.',
  }),
};
