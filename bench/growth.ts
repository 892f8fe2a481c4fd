/**
 * Growth of a training step: `tsx bench/growth.ts [--model gpt2-mini] [--tokens 32,128,512,2048,4096] [--row
 * 32] [--threads 1,2] [--steps 5] [--plot FILE.svg]`.
 *
 * For each number of threads and tokens a batch (rows of `--row` tokens): time, the matrix products' rate
 * over the whole step and its share of the peak that the same runtime reaches on a 2048 x 2048 product with
 * as many threads, the update's share of the rate at which this memory adds one large array to another, and
 * the process's peak memory. Each line is a process of its own. With `--tokens` alone and one model a line,
 * memory against model size: `--model gpt2-mini,gpt2,gpt2-medium --tokens 128`. To see other cores: `taskset
 * -c 0 npx tsx bench/growth.ts --threads 1`.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { usableCores } from '#attune/engine/cores.js';
import { writeOnnxModel } from '#attune/engine/onnx/onnx-model.js';
import { Bank } from '#attune/engine/onnx/memory.js';
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
    plot: { type: 'string' },
  },
});
const numbers = (text: string): number[] => text.split(',').map(Number);

/** FLOP a second of one large product. */
async function peak(threads: number): Promise<number> {
  const n = 2048;
  const matrix = (name: string): { name: string; type: 'float32'; shape: number[] } => ({
    name,
    type: 'float32',
    shape: [n, n],
  });
  const model = writeOnnxModel({
    nodes: [{ op: 'MatMul', inputs: ['a', 'b'], outputs: ['c'], attributes: {}, contrib: false }],
    inputs: [matrix('a'), matrix('b')],
    outputs: [matrix('c')],
    constants: [],
  });
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

/**
 * Bytes a second of target += source over 256 MiB each, on one thread, as the optimizer works: two reads and
 * a write.
 */
function memoryRate(): number {
  const floats = 2 ** 26;
  const bank = new Bank(2 * Bank.bytesFor(floats));
  const [target, source] = [bank.allocate(floats), bank.allocate(floats)];
  bank.view(target, floats).fill(1);
  bank.view(source, floats).fill(1);
  let best = Infinity;
  for (let run = 0; run < 5; run++) {
    const started = performance.now();
    bank.kernels.accumulate(target, source, floats);
    best = Math.min(best, performance.now() - started);
  }
  return (12 * floats) / (best / 1000);
}

interface Point {
  readonly model: string;
  readonly threads: number;
  readonly tokens: number;
  readonly ms: number;
}

/** Time against tokens, both logarithmic, as an SVG that stands alone. */
function plot(points: readonly Point[]): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>') as unknown as {
    document: object;
  };
  const line = (point: Point): string =>
    `${point.model}, ${point.threads} thread${point.threads === 1 ? '' : 's'}`;
  const drawn = Plot.plot({
    document: document as never,
    width: 640,
    height: 400,
    marginLeft: 60,
    marginRight: 150,
    x: { type: 'log', base: 2, label: 'tokens a batch', tickFormat: 'd' },
    y: { type: 'log', label: 'ms a step', grid: true, tickFormat: 'd' },
    color: { scheme: 'tableau10' },
    marks: [
      Plot.line(points, { x: 'tokens', y: 'ms', stroke: line }),
      Plot.dot(points, { x: 'tokens', y: 'ms', fill: line }),
      Plot.text(
        points,
        Plot.selectLast({
          x: 'tokens',
          y: 'ms',
          z: line,
          text: line,
          fill: line,
          textAnchor: 'start',
          dx: 8,
        }),
      ),
    ],
  }) as unknown as { outerHTML: string };
  return drawn.outerHTML.replace(
    '<svg ',
    '<svg xmlns="http://www.w3.org/2000/svg" style="background: white; color: black; font: 12px sans-serif" ',
  );
}

const rate = memoryRate();
console.log(`memory: ${(rate / 1e9).toFixed(1)} GB/s of reading and writing on one thread`);
const points: Point[] = [];
for (const threads of numbers(options.threads)) {
  const top = await peak(threads);
  console.log(
    `${threads} thread${threads === 1 ? '' : 's'}: a 2048 x 2048 product runs at ${(top / 1e9).toFixed(0)} GFLOP/s`,
  );
  for (const name of options.model.split(',') as ModelName[]) {
    const { config } = MODELS[name];
    const [width, layers, vocabulary] = [config['n_embd'], config['n_layer'], config['vocab_size']] as [
      number,
      number,
      number,
    ];
    for (const tokens of numbers(options.tokens)) {
      const length = Math.min(Number(options.row), tokens);
      const rows = Array.from({ length: Math.round(tokens / length) }, (_, r) => ({
        ids: Array.from({ length }, (_, t) => (r * 131 + t * 17) % vocabulary),
        label: r % 3,
      }));
      const side = await Side.start(
        'attune',
        process.execPath,
        ['--import', 'tsx', join(import.meta.dirname, 'train-attune.ts')],
        { config, classes: 3, batches: [rows], threads },
      );
      const steps = Number(options.steps);
      for (let step = 0; step < steps + 2; step++) await side.step(0, step >= 2);
      const ms = side.median('ms');
      // Forward and both gradients of the products with weights: the last block's, but for keys and values,
      // at the pooled tokens alone.
      const flops = 6 * width * width * (rows.length * length * (12 * (layers - 1) + 2) + rows.length * 10);
      const share = flops / (side.median('forwardBackward') / 1000) / top;
      points.push({ model: name, threads, tokens, ms });
      // The optimizer reads parameter, gradient and two moments and writes three of them back; of the tables
      // it touches few rows.
      const traffic = (28 * 12 * width * width * layers) / (side.median('optimizer') / 1000);
      const percent = (part: number): string => `${(100 * part).toFixed(0)} %`;
      const cells = [
        `${String(tokens).padStart(6)} tokens`,
        `${ms.toFixed(1).padStart(8)} ms/step`,
        `${((1000 * tokens) / ms).toFixed(0).padStart(6)} tokens/s`,
        `${(flops / (ms / 1000) / 1e9).toFixed(0).padStart(4)} GFLOP/s`,
      ].join('  ');
      console.log(
        `  ${name.padEnd(12)}${cells}; forward+backward ${percent(share)} of the peak, ` +
          `update ${side.median('optimizer').toFixed(1)} ms, ${percent(traffic / rate)} of the memory's rate; ` +
          `peak memory ${(await side.end()).toFixed(0)} MiB`,
      );
    }
  }
}
if (options.plot !== undefined) writeFileSync(options.plot, plot(points));
