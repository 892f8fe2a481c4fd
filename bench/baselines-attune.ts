/**
 * attune's side of bench/baselines.ts: reads requests from stdin, one JSON object a line; answers each with
 * one.
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Classifier, DenseMatrix } from '#attune/baselines/estimator.js';
import { LogisticRegression } from '#attune/baselines/logistic-regression.js';
import { makePipeline } from '#attune/baselines/pipeline.js';
import { RandomForestClassifier } from '#attune/baselines/random-forest.js';
import { StandardScaler } from '#attune/baselines/standard-scaler.js';
import { SVC } from '#attune/baselines/svc.js';
import { Word2Vec } from '#attune/baselines/word2vec/word2vec.js';
import { splitWords } from '#attune/baselines/word2vec/words.js';

type Request =
  | {
      readonly texts: readonly string[];
      readonly labels: readonly number[];
      readonly features: string | null;
    }
  | { readonly measure: string; readonly predicted: number }
  | { readonly end: true };

const MODELS: Readonly<Record<string, () => Classifier>> = {
  'logistic regression': () => makePipeline(new StandardScaler(), new LogisticRegression()),
  SVC: () => makePipeline(new StandardScaler(), new SVC({ seed: 1 })),
  'random forest': () => new RandomForestClassifier({ trees: 200, seed: 1 }),
};

let labels = new Int32Array(0);
let texts: readonly string[] = [];
let features: DenseMatrix | undefined;

function setUp(request: Extract<Request, { texts: readonly string[] }>): object {
  labels = Int32Array.from(request.labels);
  texts = request.texts;
  if (request.features !== null) {
    const values = new Float64Array(Uint8Array.prototype.slice.call(readFileSync(request.features)).buffer);
    features = { kind: 'dense', rows: labels.length, columns: values.length / labels.length, values };
  }
  return { ready: true };
}

async function measure(name: string, predicted: number): Promise<object> {
  const started = performance.now();
  if (name === 'Word2Vec') {
    const word2vec = await Word2Vec.train(texts.map(splitWords));
    const trained = performance.now();
    word2vec.meanVectors(texts.slice(0, predicted));
    return { fit: trained - started, predict: performance.now() - trained };
  }
  const model = MODELS[name]();
  await model.fit(features!, labels, 1 + labels.reduce((a, b) => Math.max(a, b), 0));
  const fitted = performance.now();
  await model.predictProba({
    ...features!,
    rows: predicted,
    values: features!.values.slice(0, predicted * features!.columns),
  });
  return { fit: fitted - started, predict: performance.now() - fitted };
}

async function answer(request: Request): Promise<object> {
  if ('measure' in request) return measure(request.measure, request.predicted);
  if ('texts' in request) return setUp(request);
  return { end: true };
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line) as Request;
  process.stdout.write(`${JSON.stringify(await answer(request))}\n`);
}
