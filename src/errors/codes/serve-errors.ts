/** What is wrong with the server, with its page, and with attune in the browser. */
import { worded } from '../wording.js';

export const SERVE_ERRORS = {
  'port-in-use': worded<{ host: string; port: number }>({
    says: ({ host, port }) => `port ${port} of ${host} is in use`,
    hint: (_, { argument }) => `Choose another ${argument('port')}; 0 takes any that is free.`,
  }),
  'port-not-permitted': worded<{ port: number }>({
    says: ({ port }) => `no permission to listen on port ${port}`,
    hint: (_, { argument }) =>
      `Ports below 1024 need administrator rights. Choose another ${argument('port')}.`,
  }),
  'server-cannot-listen': worded<{ host: string; port: number; reason: string }>({
    says: ({ host, port, reason }) => `cannot listen on ${host}, port ${port}: ${reason}`,
    hint: (_, { argument }) => `Choose another ${argument('host')} or ${argument('port')}.`,
  }),
  'site-file-unreadable': worded<{ file: string; reason: string }>({
    says: ({ file, reason }) => `cannot read ${file}: ${reason}`,
    hint: () => 'In a checkout, run npm run build.',
  }),
  'site-model-too-large': worded<{ folder: string; bytes: number; limit: number }>({
    says: ({ folder, bytes, limit }) =>
      `${folder}: the weights take ${mebibytes(bytes)} MiB; the page takes at most ${mebibytes(limit)} MiB`,
    hint: (_, { given }) => `Train it outside the browser, with ${given('device', 'webgpu')}.`,
  }),

  'page-file-changed': worded<{ file: string }>({
    says: ({ file }) => `${file} can no longer be read`,
    hint: () => 'It was removed or changed after it was chosen. Choose it again.',
  }),
  'page-run-stopped-early': worded<Record<string, never>>({
    says: () => 'the run was stopped before its first step, so there is no model',
    hint: () => '“Train” starts it again.',
  }),
  'page-run-stopped-again': worded<Record<string, never>>({
    says: () => 'the run was stopped before it was resumed',
    hint: () => '“Continue” resumes it, with the rows and settings it began with.',
  }),
  'page-run-stopped-at-once': worded<Record<string, never>>({
    says: () => 'the run was stopped at once, so nothing that it learned is kept',
    hint: () => 'Next time, choose “Stop” once and wait: then the model so far is kept.',
  }),
  'page-no-stopped-run': worded<Record<string, never>>({
    says: () => 'there is no stopped run to continue',
    hint: () => '“Train” starts a new one.',
  }),
  'page-no-checkpoint': worded<Record<string, never>>({
    says: () => 'there is no checkpoint to resume from',
    hint: () => '“Train” starts a new run.',
  }),
  'page-no-model': worded<Record<string, never>>({
    says: () => 'there is no trained model yet',
    hint: () => 'Train one first.',
  }),

  'browser-without-hub': worded<Record<string, never>>({
    says: () => 'attune does not download from the Hub in the browser',
    hint: () => 'Put the files of the model or dataset into `files` first.',
  }),
  'browser-without-torch': worded<{ file: string }>({
    says: ({ file }) => `${file}: attune does not read PyTorch’s files in the browser`,
    hint: () => 'Resume this run in Node.',
  }),
  'browser-without-parquet': worded<{ file: string }>({
    says: ({ file }) => `${file}: attune does not read parquet in the browser`,
    hint: () => 'Give CSV or JSON lines.',
  }),
  'browser-without-sample': worded<Record<string, never>>({
    says: () => 'the bundled sample is not in the browser module',
    hint: () => 'Put your own rows into `files`, as CSV or JSON lines.',
  }),
  'browser-without-classical-models': worded<{ folder: string }>({
    says: ({ folder }) => `${folder}: attune does not open classical models in the browser`,
    hint: () => 'Use it in Node.',
  }),
  'browser-without-device': worded<{ device: string }>({
    says: ({ device }) =>
      `the device ${device} is not available in the browser, where attune computes only with WebGPU`,
    hint: (_, { given }) => `Use ${given('device', 'webgpu')}.`,
  }),
  'browser-without-webgpu': worded<{ reason: string }>({
    says: ({ reason }) => reason,
    hint: () =>
      'Use a current Chrome, Edge, Firefox or Safari with hardware acceleration turned on, over https or localhost.',
  }),
  'browser-folder-in-use': worded<{ folder: string }>({
    says: ({ folder }) => `another run is writing into ${folder}`,
    hint: (_, { argument }) => `Wait for it, or choose another ${argument('outputDir')}.`,
  }),
};

const mebibytes = (bytes: number): number => Math.round(bytes / 2 ** 20);
