/**
 * Time of a training step of the notebook's job, attune and PyTorch alternating step by step: `npm run bench
 * -- [options]`.
 *
 *   --model gpt2-mini,gpt2     which models
 *   --against all              PyTorch's variants (bench/train_torch.py): padded,dynamic,packed,bf16,compiled
 *   --steps 40                 steps that count, after 5 (compiled: the same; it compiles in the first)
 *
 * PyTorch takes part where ATTUNE_PYTHON names a Python that has torch and transformers. Run it alone on the
 * machine: a busy neighbour on the other core slows both sides, and not by the same factor.
 */
import { join } from 'node:path';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { usableCores } from '#attune/engine/cores.js';
import { notebookBatches } from './batches.js';
import { MODELS } from './models.js';
import type { ModelName } from './models.js';
import { pythonWith } from './python.js';
import { Side } from './side.js';

const WARM_UP = 5;
const VARIANTS = {
  padded: 'PyTorch, padded to 128 (the notebook)',
  dynamic: 'PyTorch, padded to the longest',
  packed: 'PyTorch, packed by hand',
  bf16: 'PyTorch, packed, bf16 autocast',
  compiled: 'PyTorch, padded to the longest, compiled',
} as const;
type Variant = keyof typeof VARIANTS;

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: 'gpt2-mini,gpt2' },
    against: { type: 'string', default: 'all' },
    steps: { type: 'string', default: '40' },
  },
});
const steps = Number(options.steps);
const variants = (
  options.against === 'all' ? Object.keys(VARIANTS) : options.against.split(',').filter(Boolean)
) as Variant[];
const threads = usableCores();
console.log(`${cpus()[0]?.model ?? 'unknown processor'}, ${threads} threads, Node ${process.versions.node}`);
const python = pythonWith('ATTUNE_PYTHON', ['torch', 'transformers'], 'PyTorch is');

for (const name of options.model.split(',') as ModelName[]) {
  const { vocabulary, config } = MODELS[name];
  const { source, classes, batches } = await notebookBatches(vocabulary, steps);
  const tokens = batches.flat().reduce((sum, { ids }) => sum + ids.length, 0) / batches.length;
  console.log(
    `\n${name}, untrained: ${source}, batches of 4, ${tokens.toFixed(1)} tokens a batch, dropout 0.1, ` +
      `medians of ${steps} steps after ${WARM_UP}`,
  );
  const setup = { config, classes, batches, threads };
  const ours = await Side.start(
    'attune',
    process.execPath,
    ['--import', 'tsx', join(import.meta.dirname, 'train-attune.ts')],
    setup,
  );
  const sides = [ours];
  if (python !== undefined) {
    for (const variant of variants) {
      sides.push(
        await Side.start(VARIANTS[variant], python, [join(import.meta.dirname, 'train_torch.py')], {
          ...setup,
          variant,
        }),
      );
    }
  }
  for (let step = 0; step < WARM_UP + steps; step++) {
    for (const side of [...sides]) {
      try {
        await side.step(step, step >= WARM_UP);
      } catch (error) {
        if (side === ours) throw error;
        console.log(`  not compared: ${(error as Error).message}`);
        side.drop();
        sides.splice(sides.indexOf(side), 1);
      }
    }
  }

  for (const side of sides) {
    const ms = side.median('ms');
    const share = (key: 'forwardBackward' | 'clip' | 'optimizer'): string =>
      `${((100 * side.median(key)) / ms).toFixed(0)} %`;
    const ratio = side === ours ? '' : `   ${(ms / ours.median('ms')).toFixed(2)} x attune's time`;
    const peak = await side.end();
    const rate = ((1000 * tokens) / ms).toFixed(0).padStart(5);
    console.log(
      `  ${side.name.padEnd(42)}${ms.toFixed(1).padStart(8)} ms/step  ${rate} tokens/s  ` +
        `forward+backward ${share('forwardBackward')}, clipping ${share('clip')}, ` +
        `optimizer ${share('optimizer')}  peak ${peak.toFixed(0)} MiB${ratio}`,
    );
  }
}
