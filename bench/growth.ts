/**
 * Growth of a training step: `tsx bench/growth.ts [--model gpt2-mini] [--tokens 32,128,512,2048,4096] [--row 32] [--threads 1,2] [--steps 5]`.
 *
 * For each number of threads and tokens a batch (rows of `--row` tokens): time, the matrix products' rate over the whole step and its share of the peak that the same
 * runtime reaches on a 2048 x 2048 product with as many threads, and the process's peak memory. Each line is a process of its own. With `--tokens` alone and one model a line,
 * memory against model size: `--model gpt2-mini,gpt2,gpt2-medium --tokens 128`. To see other cores: `taskset -c 0 npx tsx bench/growth.ts --threads 1`.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { usableCores } from '#attune/engine/cores.js';
import { writeOnnxModel } from '#attune/engine/onnx/onnx-model.js';
import { MODELS } from './models.js';
import type { ModelName } from './models.js';
import { Side } from './side.js';

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: 'gpt2-mini' },
    tokens: { type: 'string', default: '32,128,512,2048,4096' },
    row: { type: 'string', default: '32' },
    threads: { type: 'string', default: Array.from({ length: usableCores() }, (_, i) => i + 1).join(',') },
    steps: { type: 'string', default: '5' },
  },
});
const numbers = (text: string): number[] => text.split(',').map(Number);

/** FLOP a second of one large product. */
async function peak(threads: number): Promise<number> {
  const n = 2048;
  const matrix = (name: string): { name: string; type: 'float32'; shape: number[] } => ({ name, type: 'float32', shape: [n, n] });
  const model = writeOnnxModel({ nodes: [{ op: 'MatMul', inputs: ['a', 'b'], outputs: ['c'], attributes: {}, contrib: false }], inputs: [matrix('a'), matrix('b')], outputs: [matrix('c')], constants: [] });
  const session = await InferenceSession.create(model, { intraOpNumThreads: threads });
  const tensor = (): Tensor => new Tensor('float32', new Float32Array(n * n).fill(0.5), [n, n]);
  const feeds = { a: tensor(), b: tensor() };
  let best = Infinity;
  for (let run = 0; run < 6; run++) {
    const started = performance.now();
    await session.run(feeds);
    best = Math.min(best, performance.now() - started);
  }
  await session.release();
  return (2 * n ** 3) / (best / 1000);
}

for (const threads of numbers(options.threads)) {
  const top = await peak(threads);
  console.log(`${threads} thread${threads === 1 ? '' : 's'}: a 2048 x 2048 product runs at ${(top / 1e9).toFixed(0)} GFLOP/s`);
  for (const name of options.model.split(',') as ModelName[]) {
    const { config } = MODELS[name];
    const [width, layers, vocabulary] = [config['n_embd'], config['n_layer'], config['vocab_size']] as [number, number, number];
    for (const tokens of numbers(options.tokens)) {
      const length = Math.min(Number(options.row), tokens);
      const rows = Array.from({ length: Math.round(tokens / length) }, (_, r) => ({ ids: Array.from({ length }, (_, t) => (r * 131 + t * 17) % vocabulary), label: r % 3 }));
      const side = await Side.start('attune', process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'train-attune.ts')], { config, classes: 3, batches: [rows], threads });
      const steps = Number(options.steps);
      for (let step = 0; step < steps + 2; step++) await side.step(0, step >= 2);
      const ms = side.median('ms');
      // Forward and both gradients of the products with weights: the last block's, but for keys and values, at the pooled tokens alone.
      const flops = 6 * width * width * (rows.length * length * (12 * (layers - 1) + 2) + rows.length * 10);
      const share = flops / (side.median('forwardBackward') / 1000) / top;
      console.log(
        `  ${name.padEnd(12)}${String(tokens).padStart(6)} tokens  ${ms.toFixed(1).padStart(8)} ms/step  ${((1000 * tokens) / ms).toFixed(0).padStart(6)} tokens/s  ${(flops / (ms / 1000) / 1e9).toFixed(0).padStart(4)} GFLOP/s; forward+backward at ${(100 * share).toFixed(0)} % of the peak  peak memory ${(await side.end()).toFixed(0)} MiB`,
      );
    }
  }
}
