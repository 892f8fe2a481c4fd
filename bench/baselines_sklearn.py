"""scikit-learn's and gensim's side of bench/baselines.ts. Reads requests from stdin, one JSON object a line; answers each with one."""
import json
import sys
import time

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

texts = labels = features = None
MODELS = {
    "logistic regression": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    "SVC": lambda: make_pipeline(StandardScaler(), SVC(probability=True, random_state=1)),
    "random forest": lambda: RandomForestClassifier(n_estimators=200, random_state=1),
    "random forest, all cores": lambda: RandomForestClassifier(n_estimators=200, random_state=1, n_jobs=-1),
}


def vectors(wv, rows):
    out = np.zeros((len(rows), wv.vector_size))
    for i, words in enumerate(rows):
        known = [wv[w] for w in words if w in wv]
        if known:
            out[i] = np.mean(known, axis=0)
    return out


def set_up(request):
    global texts, labels, features
    texts, labels = [t.split() for t in request["texts"]], np.array(request["labels"])
    if request["features"]:
        features = np.fromfile(request["features"]).reshape(len(labels), -1)
    return {"ready": True}


def train_words(workers):
    from gensim.models import Word2Vec

    return Word2Vec(texts, vector_size=100, window=5, min_count=1, workers=workers, seed=1)


def write_features(path):
    vectors(train_words(1).wv, texts).tofile(path)
    return {"ready": True}


def measure(name, predicted):
    t0 = time.perf_counter()
    if name.startswith("Word2Vec"):
        model = train_words(1 if name.endswith("one worker") else 4)  # the notebook's four
        t1 = time.perf_counter()
        vectors(model.wv, texts[:predicted])
    else:
        model = MODELS[name]().fit(features, labels)
        t1 = time.perf_counter()
        model.predict_proba(features[:predicted])
    return {"fit": (t1 - t0) * 1e3, "predict": (time.perf_counter() - t1) * 1e3}


for line in sys.stdin:
    request = json.loads(line)
    if "write" in request:
        answer = write_features(request["write"])
    elif "measure" in request:
        answer = measure(request["measure"], request["predicted"])
    elif "texts" in request:
        answer = set_up(request)
    else:
        answer = {"end": True}
    print(json.dumps(answer), flush=True)
