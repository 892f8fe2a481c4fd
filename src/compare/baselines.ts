/** The baselines of a comparison, in the order in which they are trained: cheap ones first. */
import { AfinnClassifier, afinnFile } from '../baselines/lexicon.js';
import type { Classifier, DenseMatrix, Matrix, Transformer } from '../baselines/estimator.js';
import type { HiddenStateModel } from '../baselines/hidden-states.js';
import { LogisticRegression } from '../baselines/logistic-regression.js';
import { MajorityClassifier } from '../baselines/majority.js';
import { makePipeline } from '../baselines/pipeline.js';
import { RandomForestClassifier } from '../baselines/random-forest.js';
import { StandardScaler } from '../baselines/standard-scaler.js';
import { SVC } from '../baselines/svc.js';
import { CHARACTERS, TfidfVectorizer, WORDS } from '../baselines/tfidf.js';
import type { Word2VecVectorizer } from '../baselines/word2vec/vectorizer.js';
import type { SparseMatrix } from '../baselines/estimator.js';
import type { ModelResult } from './comparison.js';

/**
 * From the cheapest to run and easiest to read to the dearest: the order in which a simple model is looked
 * for.
 */
export const SIMPLEST_FIRST = [
  'majority',
  'afinn',
  'tfidf-logistic',
  'word2vec-logistic',
  'word2vec-forest',
  'word2vec-svc',
  'gpt2-probe',
  'gpt2-finetuned',
] as const;

export type ModelId = (typeof SIMPLEST_FIRST)[number];

export interface Baseline {
  readonly id: ModelId;
  readonly name: string;
  /** Of the fitted model. */
  readonly description: () => string;
  readonly interpretability: ModelResult['interpretability'];
  readonly estimator: Classifier<readonly string[]>;
  /** Time that was spent before `fit`, which this model needs as well. */
  readonly secondsBefore: number;
  /** A file that prediction needs beside what is saved. */
  readonly needs?: string;
}

export interface TfidfModel {
  readonly vectorizer: TfidfVectorizer;
  readonly classifier: LogisticRegression;
}

export interface BaselineParts {
  readonly labelNames: readonly string[];
  readonly seed: number;
  /** Fitted on the training texts. */
  readonly word2vec: Word2VecVectorizer;
  readonly word2vecSeconds: number;
  readonly tfidf: TfidfModel;
  /** The untuned model, and what it is called. */
  readonly hiddenStates: HiddenStateModel;
  readonly base: string;
}

export const tfidfModel = (): TfidfModel => ({
  vectorizer: new TfidfVectorizer({ parts: [WORDS, CHARACTERS], sublinearTf: true }),
  classifier: new LogisticRegression(),
});

export function baselines({
  labelNames,
  seed,
  word2vec,
  word2vecSeconds,
  tfidf,
  hiddenStates,
  base,
}: BaselineParts): Baseline[] {
  const afinn = new AfinnClassifier(labelNames);
  const majority = new MajorityClassifier();
  const tfidfPipeline = makePipeline<readonly string[], SparseMatrix>(
    tfidf.vectorizer,
    tfidf.classifier as Classifier<SparseMatrix>,
  );
  const vectors: Transformer<readonly string[], Matrix> = alreadyFitted(word2vec);
  const learned = 'mean of the text’s Word2Vec vectors (100 numbers, learned from the training texts alone)';
  const onWords = (
    id: ModelId,
    name: string,
    description: string,
    classifier: Classifier,
    scaled: boolean,
  ): Baseline => {
    const estimator = scaled
      ? makePipeline(vectors, new StandardScaler(), classifier)
      : makePipeline(vectors, classifier);
    return {
      id,
      name,
      description: () => description,
      interpretability: { level: 'low', why: 'a mean of word vectors has no readable parts' },
      estimator,
      secondsBefore: word2vecSeconds,
    };
  };
  return [
    {
      id: 'majority',
      name: 'Majority class',
      description: () =>
        'Always the most frequent class of the training rows, with each class’s share as its probability: the floor.',
      interpretability: { level: 'high', why: 'it does not look at the text' },
      estimator: majority,
      secondsBefore: 0,
    },
    {
      id: 'afinn',
      name: 'AFINN lexicon',
      description: () => describeAfinn(afinn),
      interpretability: { level: 'high', why: 'a sum of published word scores' },
      estimator: afinn,
      secondsBefore: 0,
      needs: afinnFile(),
    },
    {
      id: 'tfidf-logistic',
      name: 'TF-IDF + Logistic Regression',
      description: () => {
        const columns = tfidf.vectorizer.columns.toLocaleString('en-US');
        return (
          'Weighted counts of words, pairs of words and runs of 2 to 5 characters ' +
          `(${columns} of them), and a logistic regression.`
        );
      },
      interpretability: { level: 'high', why: 'each n-gram has one weight a class, to be read off' },
      estimator: tfidfPipeline,
      secondsBefore: 0,
    },
    onWords(
      'word2vec-logistic',
      'Word2Vec + Logistic Regression',
      `The ${learned}, scaled, and a logistic regression.`,
      new LogisticRegression(),
      true,
    ),
    onWords(
      'word2vec-svc',
      'Word2Vec + SVC',
      `The ${learned}, scaled, and a support vector machine with an RBF kernel; probabilities by Platt scaling.`,
      new SVC({ seed }),
      true,
    ),
    onWords(
      'word2vec-forest',
      'Word2Vec + Random Forest',
      `The ${learned}, and 200 decision trees.`,
      new RandomForestClassifier({ seed }),
      false,
    ),
    {
      id: 'gpt2-probe',
      name: `Linear probe of ${base}`,
      description: () =>
        `The mean of the untuned ${base}’s last hidden states, scaled, and a logistic regression: ` +
        'what the model knew before fine-tuning.',
      interpretability: { level: 'low', why: 'hidden states have no readable parts' },
      estimator: makePipeline<readonly string[], DenseMatrix, Matrix>(
        hiddenStates,
        new StandardScaler(),
        new LogisticRegression(),
      ),
      secondsBefore: 0,
    },
  ];
}

function describeAfinn(afinn: AfinnClassifier): string {
  const order =
    afinn.orderedBy === 'names'
      ? ''
      : ' The names of the classes do not say which is good or bad, ' +
        'so they were laid on the scale by their mean score on the training rows; ' +
        'a lexicon of feelings may have nothing to say of them.';
  return (
    'The sum of a text’s AFINN word scores (npm package sentiment). ' +
    `Nothing is learned but where a class begins, by weighted F1 on the training rows (${afinn.bands}); ` +
    `its probabilities come from a logistic regression on that sum.${order}`
  );
}

/** A vectorizer that several pipelines share is fitted once. */
function alreadyFitted<In, Out>(transformer: Transformer<In, Out>): Transformer<In, Out> {
  return {
    fit: () => Promise.resolve(),
    transform: (input, signal) => transformer.transform(input, signal),
    state: () => transformer.state(),
  };
}
