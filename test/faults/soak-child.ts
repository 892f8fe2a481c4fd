/**
 * The process that soak.slow.test.ts watches: trains, predicts, or predicts with a leak, and prints its
 * memory and handles now and then.
 */
import { readdirSync } from 'node:fs';
import { fineTune, resolveArguments, TextClassifier } from '#attune/index.js';

const [what, count] = [process.argv[2], Number(process.argv[3])];
const SAMPLES = 40;

function sample(done: number): void {
  // Twice: what the first finds to be free of arrays' memory is given back while the program goes on, and the
  // second waits for it.
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
  // When a checkpoint has been written: at any other moment, how many files are open depends on how far the
  // writing of one has come.
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
