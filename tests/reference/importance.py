#!/usr/bin/env python3
"""PED-ANOVA of fixed trials and explained variances of fixed trees by Optuna, for
tests/core/search/importance_cases.inc."""

from types import SimpleNamespace
import warnings

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.importance._fanova._tree import _FanovaTree

optuna.logging.set_verbosity(optuna.logging.WARNING)
warnings.simplefilter("ignore")
SPACE = {
    "real": FloatDistribution(-2.0, 3.0), "log": FloatDistribution(1e-5, 1e-1, log=True),
    "integer": IntDistribution(1, 30), "integer_log": IntDistribution(16, 5000, log=True),
    "step": FloatDistribution(0.0, 2.0, step=0.25), "word": CategoricalDistribution((0, 1, 2)),
    "child": FloatDistribution(0.0, 1.0),  # used where word is not 0
}


def draw(distribution, rng):
    if isinstance(distribution, CategoricalDistribution):
        return int(rng.integers(len(distribution.choices)))
    if isinstance(distribution, IntDistribution):
        if distribution.log:
            return int(np.exp(rng.uniform(np.log(16), np.log(5000))))
        return int(rng.integers(distribution.low, distribution.high + 1))
    if distribution.step:
        return 0.25 * int(rng.integers(9))
    if distribution.log:
        return float(np.exp(rng.uniform(np.log(distribution.low), np.log(distribution.high))))
    return float(rng.uniform(distribution.low, distribution.high))


def loss(p):
    return round((p["real"] - 1) ** 2 + np.log10(p["log"]) ** 2 / 4 + p["integer"] / 10
                 + (1 - p["child"] if "child" in p else 0.5) + 0.3 * p["word"], 1)


def trials(n, rng):
    for _ in range(n):
        params = {name: draw(d, rng) for name, d in SPACE.items()}
        if params["word"] == 0:
            del params["child"]
        yield params


def numbers(values):
    return ", ".join("(double)NAN" if x is None else repr(float(x)) for x in values)


def grow(rng, depth, box, nodes):
    at = len(nodes)
    nodes.append(None)
    if depth == 0 or rng.random() < 0.2:
        nodes[at] = (-2, -2.0, -1, -1, float(rng.normal()))
        return at
    column = int(rng.integers(len(box)))
    low, high = box[column]
    cut = float(rng.uniform(low, high))
    below, above = list(box), list(box)
    below[column], above[column] = (low, cut), (cut, high)
    left = grow(rng, depth - 1, below, nodes)
    right = grow(rng, depth - 1, above, nodes)
    nodes[at] = (column, cut, left, right, 0.0)
    return at


rng = np.random.default_rng(3)
print(f"/* Optuna {optuna.__version__}, by tests/reference/importance.py. Trials: how many, their coordinates, their")
print(" * losses, the importances. */")
print("#ifdef PED_ANOVA")
for n in (8, 30, 200):
    study = optuna.create_study()
    rows = list(trials(n, rng))
    for p in rows:
        study.add_trial(optuna.trial.create_trial(
            params=p, distributions={k: SPACE[k] for k in p}, value=loss(p)))
    found = PedAnovaImportanceEvaluator().evaluate(study)
    print(f"{{{n},")
    print(f" {{{numbers(p.get(k) for p in rows for k in SPACE)}}},")
    print(f" {{{numbers(loss(p) for p in rows)}}},")
    print(f" {{{numbers(found[k] for k in SPACE)}}}}},")
print("#endif")
print("/* Trees: nodes of (column, threshold, left, right, value), the variance, the explained ones. */")
print("#ifdef TREES")
for depth in (1, 2, 4, 7):
    nodes = []
    grow(rng, depth, [(0.0, 1.0)] * 3, nodes)
    tree = SimpleNamespace(
        n_features=3, node_count=len(nodes), feature=[x[0] for x in nodes],
        threshold=[x[1] for x in nodes], children_left=[x[2] for x in nodes],
        children_right=[x[3] for x in nodes], value=np.array([x[4] for x in nodes]))
    f = _FanovaTree(tree, np.array([[0.0, 1.0]] * 3))
    explained = [f.get_marginal_variance(np.array([j])) for j in range(3)]
    print(f"{{{len(nodes)}, {{")
    for column, cut, left, right, value in nodes:
        print(f"  {{{max(column, -1)}, {cut!r}, 0, {max(left, 0)}, {max(right, 0)}, {value!r}}},")
    print(f" }}, {float(f.variance)!r}, {{{numbers(explained)}}}}},")
print("#endif")
