import type { SERVE_ERRORS } from '#attune/errors/codes/serve-errors.js';
import type { Examples } from './examples.js';

export const SERVE_EXAMPLES: Examples<typeof SERVE_ERRORS> = {
  'port-in-use': [{ host: '127.0.0.1', port: 8642 }],
  'port-not-permitted': [{ port: 80 }],
  'server-cannot-listen': [
    { host: '192.0.2.1', port: 8642, reason: 'listen EADDRNOTAVAIL: address not available 192.0.2.1:8642' },
  ],
  'site-file-unreadable': [
    { file: 'page/page.js', reason: "ENOENT: no such file or directory, open 'page/page.js'" },
  ],
  'site-model-too-large': [{ folder: 'model', bytes: 700 * 2 ** 20, limit: 600 * 2 ** 20 }],

  'page-file-changed': [{ file: 'rows.csv' }],
  'page-run-stopped-early': [{}],
  'page-run-stopped-again': [{}],
  'page-run-stopped-at-once': [{}],
  'page-no-stopped-run': [{}],
  'page-no-checkpoint': [{}],
  'page-no-model': [{}],

  'browser-without-hub': [{}],
  'browser-without-torch': [{ file: 'run/checkpoint-9/optimizer.pt' }],
  'browser-without-parquet': [{ file: 'rows.parquet' }],
  'browser-without-sample': [{}],
  'browser-without-classical-models': [{ folder: 'model' }],
  'browser-without-device': [{ device: 'cpu' }],
  'browser-without-webgpu': [{ reason: 'no WebGPU: this browser has none' }],
  'browser-folder-in-use': [{ folder: 'run' }],
};
