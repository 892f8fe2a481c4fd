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
};
