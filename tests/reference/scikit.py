"""Scores of small networks here and in scikit-learn, on the same folds of the shipped data.

    python3 tests/reference/scikit.py build/sweepd

Starts the daemon, trains one network per data set by 5-fold cross-validation repeated twice, reads
the fold plan from folds.csv, trains MLPClassifier or MLPRegressor on the very same folds with the
same architecture, optimizer, learning rate, batch size, epochs and penalty, and prints both means
over folds and three training seeds, with the standard error over folds. The two draw other initial
weights, so they agree within that error, not to the digit.
"""
import csv
import io
import json
import math
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import urllib.request
import warnings

import sklearn
from sklearn.compose import TransformedTargetRegressor
from sklearn.metrics import accuracy_score, log_loss, r2_score, root_mean_squared_error
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

warnings.filterwarnings("ignore")  # that the number of epochs was reached is what we want

DATA = pathlib.Path(__file__).parent.parent / "data"
BATCH, L2, SEEDS = 32, 1e-4, (1, 2, 3)
CASES = [  # data, hidden, activation, learning rate, epochs
    ("iris", (16,), "tanh", 0.01, 60),
    ("breast_cancer", (16,), "relu", 0.003, 40),
    ("diabetes", (8,), "tanh", 0.003, 60),
    ("digits", (64,), "relu", 0.003, 30),
]


def call(url, body=None):
    with urllib.request.urlopen(urllib.request.Request(url, data=body)) as answer:
        return answer.read().decode()


def mean_of(runs):
    """Fold by fold, each metric's mean over runs."""
    return [{m: statistics.mean(run[fold][m] for run in runs) for m in runs[0][fold]}
            for fold in range(len(runs[0]))]


def ours(base, seed, data, hidden, activation, rate, epochs):
    """Validation scores by metric, and the folds as lists of (training, validation) rows."""
    call(f"{base}/datasets?name={data}", (DATA / f"{data}.csv").read_bytes())
    definition = {
        "dataset": data,
        "sampler": "grid",
        "seed": {"folds": 1, "search": 1, "training": seed},
        "cross_validation": {"folds": 5, "repeats": 2},
        "space": {"hidden": [list(hidden)], "activation": activation, "learning_rate": rate,
                  "epochs": epochs, "batch_size": BATCH, "l2": L2},
    }
    made = json.loads(call(f"{base}/experiments", json.dumps(definition).encode()))
    experiment = f"{base}/experiments/{made['id']}"
    call(f"{experiment}?wait=600")
    trial = json.loads(call(f"{experiment}/trials/1"))
    plan = list(csv.DictReader(io.StringIO(call(f"{experiment}/folds.csv"))))
    folds = []
    for fold in trial["folds"]:
        rows = [r for r in plan if int(r["repeat"]) == fold["repeat"]]
        inside = [int(r["row"]) - 1 for r in rows if int(r["fold"]) == fold["fold"]]
        outside = [int(r["row"]) - 1 for r in rows if int(r["fold"]) != fold["fold"]]
        folds.append((outside, inside))
    return [f["validation"] for f in trial["folds"]], folds


def theirs(seed, data, hidden, activation, rate, epochs, folds):
    with open(DATA / f"{data}.csv") as file:
        rows = list(csv.reader(file))[1:]
    x = [[float(v) for v in r[:-1]] for r in rows]
    regression = data == "diabetes"
    y = [float(r[-1]) if regression else r[-1] for r in rows]
    scores = []
    for train, test in folds:
        # scikit-learn divides alpha by the batch's rows; L2 here is added to the batch's mean.
        settings = dict(hidden_layer_sizes=hidden, activation=activation, learning_rate_init=rate,
                        max_iter=epochs, batch_size=BATCH, alpha=L2 * BATCH, random_state=seed,
                        tol=0, n_iter_no_change=epochs)
        pick = lambda values, of: [values[i] for i in of]
        if regression:
            model = TransformedTargetRegressor(
                make_pipeline(StandardScaler(), MLPRegressor(**settings)),
                transformer=StandardScaler())
        else:
            model = make_pipeline(StandardScaler(), MLPClassifier(**settings))
        model.fit(pick(x, train), pick(y, train))
        truth, given = pick(y, test), model.predict(pick(x, test))
        if regression:
            scores.append({"r2": r2_score(truth, given),
                           "rmse": root_mean_squared_error(truth, given)})
        else:
            p = model.predict_proba(pick(x, test))
            scores.append({"accuracy": accuracy_score(truth, given),
                           "log_loss": log_loss(truth, p, labels=model.classes_)})
    return scores


def start(binary, folder):
    daemon = subprocess.Popen([binary, "--db", f"{folder}/db", "--listen", "127.0.0.1:0"],
                              stderr=subprocess.PIPE, text=True)
    for line in daemon.stderr:
        found = re.search(r"listening on (http\S+)", line)
        if found:
            return daemon, found.group(1) + "/api/v1"
    sys.exit("the daemon did not start")


def main():
    print(f"scikit-learn {sklearn.__version__}; mean over 10 folds and {len(SEEDS)} seeds")
    with tempfile.TemporaryDirectory() as folder:
        daemon, base = start(sys.argv[1], folder)
        try:
            for case in CASES:
                runs = [ours(base, seed, *case) for seed in SEEDS]
                mine, folds = mean_of([scores for scores, _ in runs]), runs[0][1]
                others = mean_of([theirs(seed, *case, folds) for seed in SEEDS])
                for metric in others[0]:
                    a, b = [s[metric] for s in mine], [s[metric] for s in others]
                    error = statistics.stdev(b) / math.sqrt(len(b))
                    difference = statistics.mean(a) - statistics.mean(b)
                    print(f"{case[0]:14} {metric:9} sweepd {statistics.mean(a):9.4f}  "
                          f"scikit-learn {statistics.mean(b):9.4f}  error {error:.4f}  "
                          f"difference {difference / error:+.2f} errors")
        finally:
            daemon.terminate()


if __name__ == "__main__":
    main()
