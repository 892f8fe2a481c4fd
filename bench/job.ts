/**
 * The notebook's whole job on the bundled model, attune's command line and transformers' Trainer one after
 * the other: `tsx bench/job.ts --data DIR [--repetitions 1] [--max-steps N]`.
 *
 * 1,000 training rows, 3 epochs of 250 steps with batches of 4, an evaluation of 200 rows and a checkpoint
 * after each, dropout 0.1. The Trainer takes part where ATTUNE_PYTHON names a Python that has transformers.
 * `--data` is a folder with train.jsonl and test.jsonl (text, label). Run it alone on the machine.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { usableCores } from '#attune/engine/cores.js';
import { embeddedModelFolder } from '#attune/model/embedded.js';
import { median } from './median.js';
import { pythonWith } from './python.js';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string' },
    repetitions: { type: 'string', default: '1' },
    'max-steps': { type: 'string' },
  },
});
const data = options.data ?? process.env['ATTUNE_DATA'];
if (data === undefined) throw new Error('--data DIR: a folder with train.jsonl and test.jsonl');

interface Job {
  readonly steps: number;
  /** Seconds, as the trainer says: training with its evaluations and checkpoints. */
  readonly training: number;
  /** Seconds of the process. */
  readonly whole: number;
  readonly evalLoss: number;
  readonly accuracy: number;
}

async function run(
  command: string,
  args: readonly string[],
): Promise<{ readonly out: string; readonly seconds: number }> {
  const started = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  if (code !== 0) throw new Error(`${command} ended with ${code}`);
  return { out, seconds: (performance.now() - started) / 1e3 };
}

type JsonRecord = Readonly<Record<string, unknown>> & { readonly type: string };

async function attune(folder: string): Promise<Job> {
  const limit = options['max-steps'] === undefined ? [] : ['--max-steps', options['max-steps']];
  const { out, seconds } = await run(process.execPath, [
    join(import.meta.dirname, '..', 'bin', 'attune.js'),
    'train',
    '--dataset',
    data!,
    '--preset',
    'notebook',
    '--device',
    'cpu',
    '--json',
    '--output-dir',
    join(folder, 'attune'),
    '--overwrite-output-dir',
    ...limit,
  ]);
  const records = out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as JsonRecord);
  const evaluation = records.filter(({ type }) => type === 'eval').at(-1);
  const training = records.filter((record) => typeof record['train_runtime'] === 'number').at(-1);
  return {
    steps: Number(training?.['step'] ?? evaluation?.['step']),
    training: Number(training?.['train_runtime']),
    whole: seconds,
    evalLoss: Number(evaluation?.['eval_loss']),
    accuracy: Number(evaluation?.['eval_accuracy']),
  };
}

async function trainer(python: string, folder: string): Promise<Job> {
  const limit = options['max-steps'] === undefined ? [] : ['--max-steps', options['max-steps']];
  const { out, seconds } = await run(python, [
    join(import.meta.dirname, 'job_trainer.py'),
    '--model',
    embeddedModelFolder(),
    '--train',
    join(data!, 'train.jsonl'),
    '--test',
    join(data!, 'test.jsonl'),
    '--out',
    join(folder, 'trainer'),
    '--threads',
    String(usableCores()),
    ...limit,
  ]);
  const result = /^RESULT (.*)$/m.exec(out);
  if (!result) throw new Error('the Trainer gave no result');
  return { ...(JSON.parse(result[1]) as Job), whole: seconds };
}

console.log(
  `${cpus()[0]?.model ?? 'unknown processor'}, ${usableCores()} cores, Node ${process.versions.node}`,
);
const python = pythonWith('ATTUNE_PYTHON', ['torch', 'transformers'], 'The Trainer is');
const folder = mkdtempSync(join(tmpdir(), 'attune-bench-'));
try {
  const jobs = { ours: [] as Job[], theirs: [] as Job[] };
  for (let repetition = 0; repetition < Number(options.repetitions); repetition++) {
    jobs.ours.push(await attune(folder));
    if (python !== undefined) jobs.theirs.push(await trainer(python, folder));
  }
  const show = (name: string, runs: readonly Job[]): void => {
    const { steps, evalLoss, accuracy } = runs[0];
    const seconds = (key: 'training' | 'whole'): string =>
      `${median(runs.map((job) => job[key])).toFixed(1)} s`;
    console.log(
      `  ${name.padEnd(24)}${steps} steps  training ${seconds('training')}  whole process ${seconds('whole')}  ` +
        `last eval_loss ${evalLoss.toFixed(4)}, accuracy ${accuracy.toFixed(3)}`,
    );
  };
  show('attune', jobs.ours);
  if (python !== undefined) {
    show('transformers’ Trainer', jobs.theirs);
    const ratio = (key: 'training' | 'whole'): string =>
      median(jobs.theirs.map((job, i) => job[key] / jobs.ours[i][key])).toFixed(2);
    console.log(
      `  attune is ${ratio('training')} x as fast in training, ${ratio('whole')} x as a whole process`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
