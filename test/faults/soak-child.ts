/**
 * The process that soak.slow.test.ts measures: it trains, predicts, or predicts with a leak, and regularly prints
 * its memory and handles.
 */
import { readdirSync } from 'node:fs';
import { fineTune, resolveArguments, TextClassifier } from '#attune/index.js';

const [what, count] = [process.argv[2], Number(process.argv[3])];
const SAMPLES = 40;

function sample(done: number): void {
  // Twice: array memory that the first collection finds free is released concurrently, and the second waits for it.
  for (let i = 0; i < 2; i++) (globalThis as { gc?: () => void }).gc?.();
  const files = process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0;
  const { rss, heapUsed, external } = process.memoryUsage();
  console.log(
    JSON.stringify({
      done,
      rss,
      held: heapUsed + external,
      handles: process.getActiveResourcesInfo().length,
      files,
    }),
  );
}

if (what === 'train') {
  const args = resolveArguments({
    outputDir: 'soak',
    maxSteps: count,
    perDeviceTrainBatchSize: 4,
    learningRate: 1e-3,
    loggingSteps: Math.ceil(count / 20),
    evalStrategy: 'steps',
    evalSteps: Math.ceil(count / 20),
    saveStrategy: 'steps',
    saveSteps: Math.ceil(count / SAMPLES),
    saveTotalLimit: 2,
  });
  // Samples are taken right after a checkpoint, because the number of open files varies while one is written.
  await fineTune({
    model: 'model',
    dataset: 'data',
    threads: 1,
    args,
    callbacks: [{ onSave: (path) => sample(Number(/\d+$/.exec(path)![0])) }],
  });
} else {
  const classifier = await TextClassifier.fromPretrained('classifier');
  const every = Math.ceil(count / SAMPLES);
  function* texts(): Generator<string> {
    for (let i = 0; i < count; i++) yield `text ${i} ${'word '.repeat(i % 5)}`;
  }
  let done = 0;
  const kept: Float64Array[] = [];
  for await (const { score } of classifier.predictStream(texts())) {
    if (!(score > 0.49)) throw new Error(`score ${score}`);
    if (what === 'leak') kept.push(new Float64Array(13));
    if (++done % every === 0) sample(done);
  }
  await classifier.close();
  if (what === 'leak' && kept.length !== count) throw new Error('nothing was kept');
}
