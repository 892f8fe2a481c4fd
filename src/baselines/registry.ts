/** The kinds of estimators that can be saved and loaded: one line each. */
import { ModelError } from '../errors/attune-error.js';
import type { Classifier, EstimatorState, Transformer } from './estimator.js';
import { AfinnClassifier } from './lexicon.js';
import { LogisticRegression } from './logistic-regression.js';
import { MajorityClassifier } from './majority.js';
import { Pipeline } from './pipeline.js';
import { RandomForestClassifier } from './random-forest.js';
import { StandardScaler } from './standard-scaler.js';
import { SVC } from './svc.js';
import { TfidfVectorizer } from './tfidf.js';
import { Word2VecVectorizer } from './word2vec/vectorizer.js';

/**
 * The first step of a pipeline that stands on a GPT-2: the model must be opened, which text-model.ts does.
 */
export const HIDDEN_STATES = 'gpt2-hidden-states';

/** What an estimator is given: a `Matrix` or texts. */
export type Takes = 'features' | 'texts';

interface Kind<Estimator> {
  readonly takes: Takes;
  /** @throws ModelError if the state does not fit together */
  readonly restore: (state: EstimatorState) => Estimator;
}

const TRANSFORMERS: Readonly<Record<string, Kind<Transformer<never, unknown>>>> = {
  'standard-scaler': { takes: 'features', restore: (state) => StandardScaler.restore(state) },
  tfidf: { takes: 'texts', restore: (state) => TfidfVectorizer.restore(state) },
  word2vec: { takes: 'texts', restore: (state) => Word2VecVectorizer.restore(state) },
};

const CLASSIFIERS: Readonly<Record<string, Kind<Classifier<never>>>> = {
  afinn: { takes: 'texts', restore: (state) => AfinnClassifier.restore(state) },
  'logistic-regression': { takes: 'features', restore: (state) => LogisticRegression.restore(state) },
  majority: { takes: 'texts', restore: (state) => MajorityClassifier.restore(state) },
  'random-forest': { takes: 'features', restore: (state) => RandomForestClassifier.restore(state) },
  svc: { takes: 'features', restore: (state) => SVC.restore(state) },
};

/**
 * @throws ModelError `estimator-kind-unknown`, `pipeline-state-empty`, and what the estimators' `restore`
 *   throws
 */
export function restoreClassifier(state: EstimatorState): {
  readonly takes: Takes;
  readonly classifier: Classifier<never>;
} {
  if (state.kind !== 'pipeline') {
    const { takes, restore } = lookUp(CLASSIFIERS, state.kind);
    return { takes, classifier: restore(state) };
  }
  const steps = state.steps ?? [];
  if (steps.length === 0) throw new ModelError('pipeline-state-empty', {});
  const transformers = steps.slice(0, -1).map((step) => lookUp(TRANSFORMERS, step.kind).restore(step));
  const last = restoreClassifier(steps[steps.length - 1]);
  const takes = steps.length > 1 ? lookUp(TRANSFORMERS, steps[0].kind).takes : last.takes;
  return { takes, classifier: new Pipeline<never>(transformers, last.classifier) };
}

function lookUp<Estimator>(kinds: Readonly<Record<string, Kind<Estimator>>>, kind: string): Kind<Estimator> {
  if (Object.hasOwn(kinds, kind)) return kinds[kind];
  throw new ModelError('estimator-kind-unknown', { kind, known: Object.keys(kinds) });
}
