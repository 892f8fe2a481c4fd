/**
 * Time of a training step of the notebook's job, attune and PyTorch alternating step by step: `npm run bench`.
 *
 * PyTorch takes part where ATTUNE_PYTHON names a Python that has torch and transformers. Run it alone on the machine: a busy neighbour on the other
 * core slows both sides, and not by the same factor.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { cpus } from 'node:os';
import { usableCores } from '#attune/engine/cores.js';
import { notebookBatches } from './batches.js';
import { Side } from './side.js';

const BATCHES = 40;
const WARM_UP = 5;

const DROPOUT = { embd_pdrop: 0.1, attn_pdrop: 0.1, resid_pdrop: 0.1 };
const MODELS = {
  'gpt2-mini': { vocabulary: 'gpt2-mini', config: { model_type: 'gpt2', vocab_size: 8192, n_positions: 256, n_embd: 384, n_layer: 6, n_head: 6, ...DROPOUT } },
  'gpt2 (124M, untrained)': { vocabulary: 'gpt2', config: { model_type: 'gpt2', vocab_size: 50257, n_positions: 1024, n_embd: 768, n_layer: 12, n_head: 12, ...DROPOUT } },
} as const;

const python = process.env['ATTUNE_PYTHON'];
const hasTorch = python !== undefined && spawnSync(python, ['-c', 'import torch, transformers']).status === 0;
const threads = usableCores();
console.log(`${cpus()[0]?.model ?? 'unknown processor'}, ${threads} threads, Node ${process.versions.node}`);
if (!hasTorch) console.log('PyTorch is not compared: set ATTUNE_PYTHON to a Python with torch and transformers.');

for (const [name, { vocabulary, config }] of Object.entries(MODELS)) {
  const { source, classes, batches } = await notebookBatches(vocabulary, BATCHES);
  const tokens = batches.flat().reduce((sum, { ids }) => sum + ids.length, 0) / batches.length;
  console.log(`\n${name}: ${source}, batches of 4, ${tokens.toFixed(1)} tokens a batch, dropout 0.1, medians of ${BATCHES} steps after ${WARM_UP}`);
  const setup = { config, classes, batches, threads };
  const sides = [await Side.start('attune', process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'train-attune.ts')], setup)];
  if (hasTorch) {
    for (const padding of ['max_length', 'longest']) {
      const label = padding === 'longest' ? 'PyTorch, padded to the longest' : 'PyTorch, padded to 128';
      sides.push(await Side.start(label, python, [join(import.meta.dirname, 'train_torch.py')], { ...setup, padding }));
    }
  }
  for (let step = 0; step < WARM_UP + BATCHES; step++) for (const side of sides) await side.step(step, step >= WARM_UP);

  const [ours] = sides;
  for (const side of sides) {
    const ms = side.median('ms');
    const share = (key: 'forwardBackward' | 'clip' | 'optimizer'): string => `${((100 * side.median(key)) / ms).toFixed(0)} %`;
    const ratio = side === ours ? '' : `   ${(ms / ours.median('ms')).toFixed(2)} x attune's time`;
    const peak = await side.end();
    console.log(
      `  ${side.name.padEnd(32)}${ms.toFixed(1).padStart(8)} ms/step  ${((1000 * tokens) / ms).toFixed(0).padStart(5)} tokens/s  forward+backward ${share('forwardBackward')}, clipping ${share('clip')}, optimizer ${share('optimizer')}  peak ${peak.toFixed(0)} MiB${ratio}`,
    );
  }
}
