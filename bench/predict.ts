/**
 * Rows a second of prediction, attune and PyTorch alternating chunk by chunk: `tsx bench/predict.ts [--model
 * gpt2-mini,gpt2] [--rows 2048]`.
 *
 * Both sides get the same token ids, 512 rows at a time, and sort them by length. attune packs them by its
 * own budget (train/prediction.ts); PyTorch pads batches of 32 to their longest row (or packs them, under
 * bfloat16 autocast too). PyTorch takes part where ATTUNE_PYTHON names a Python that has it.
 */
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { usableCores } from '#attune/engine/cores.js';
import { benchRows } from './batches.js';
import { MODELS } from './models.js';
import type { ModelName } from './models.js';
import { pythonWith } from './python.js';
import { Side } from './side.js';

const CHUNK = 512;
const VARIANTS = {
  dynamic: 'PyTorch, sorted, padded to the longest',
  packed: 'PyTorch, sorted, packed by hand',
  bf16: 'PyTorch, packed, bf16 autocast',
} as const;
type Variant = keyof typeof VARIANTS;

const secondsOf = ({ timings }: Side): number => timings.reduce((sum, { ms }) => sum + ms / 1000, 0);

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: 'gpt2-mini,gpt2' },
    rows: { type: 'string', default: '4096' },
    against: { type: 'string', default: 'dynamic,packed,bf16' },
  },
});
const variants = options.against.split(',').filter(Boolean) as Variant[];
const threads = usableCores();
console.log(`${cpus()[0]?.model ?? 'unknown processor'}, ${threads} threads, Node ${process.versions.node}`);
const python = pythonWith('ATTUNE_PYTHON', ['torch', 'transformers'], 'PyTorch is');

for (const name of options.model.split(',') as ModelName[]) {
  const { vocabulary, config } = MODELS[name];
  const { source, classes, rows } = await benchRows(vocabulary, Number(options.rows));
  const chunks = Array.from({ length: Math.ceil(rows.length / CHUNK) }, (_, i) =>
    rows.slice(i * CHUNK, (i + 1) * CHUNK),
  );
  const tokens = rows.reduce((sum, { ids }) => sum + ids.length, 0);
  console.log(
    `\n${name}, untrained: ${rows.length} rows of ${source}, ${(tokens / rows.length).toFixed(1)} tokens a row`,
  );
  const setup = { config, classes, batches: chunks, threads };
  const ours = await Side.start(
    'attune',
    process.execPath,
    ['--import', 'tsx', join(import.meta.dirname, 'train-attune.ts')],
    { ...setup, predict: true },
  );
  const sides = [ours];
  if (python !== undefined) {
    for (const variant of variants) {
      sides.push(
        await Side.start(VARIANTS[variant], python, [join(import.meta.dirname, 'train_torch.py')], {
          ...setup,
          variant,
          predict: true,
        }),
      );
    }
  }
  // The first chunk once more, to warm up.
  for (let chunk = -1; chunk < chunks.length; chunk++)
    for (const side of sides) await side.step(Math.max(chunk, 0), chunk >= 0);
  for (const side of sides) {
    const seconds = secondsOf(side);
    const ratio = side === ours ? '' : `   attune is ${(seconds / secondsOf(ours)).toFixed(2)} x as fast`;
    const peak = await side.end();
    const rowRate = (rows.length / seconds).toFixed(0).padStart(6);
    const tokenRate = (tokens / seconds).toFixed(0).padStart(7);
    console.log(
      `  ${side.name.padEnd(42)}${rowRate} rows/s  ${tokenRate} tokens/s  peak ${peak.toFixed(0)} MiB${ratio}`,
    );
  }
}
