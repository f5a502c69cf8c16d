#!/usr/bin/env python3
"""Density ratios of Optuna's TPE for fixed observations, for tests/core/search/tpe_cases.inc.

Numbers on one axis are all different: of equal ones Optuna's order, and with it which of them gets
which bandwidth, depends on how NumPy sorts."""

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator, _ParzenEstimatorParameters
from optuna.samplers._tpe.sampler import default_weights

optuna.logging.set_verbosity(optuna.logging.WARNING)
PARAMETERS = _ParzenEstimatorParameters(1.0, True, False, default_weights, True)
SPACES = {
    "reals": {"a": FloatDistribution(-2.0, 3.0), "b": FloatDistribution(1e-5, 1e-1, log=True)},
    "integers": {"a": IntDistribution(1, 1000), "b": IntDistribution(16, 5000, log=True),
                 "c": FloatDistribution(0.0, 250.0, step=0.25)},
    "mixed": {"a": FloatDistribution(1e-4, 1.0, log=True), "b": CategoricalDistribution((0, 1, 2)),
              "c": IntDistribution(2, 900), "d": CategoricalDistribution((0, 1))},
}
SIZES = [(1, 0), (1, 9), (3, 22), (5, 45), (25, 160)]
POINTS = 6


def column(distribution, n, rng):
    if isinstance(distribution, CategoricalDistribution):
        return rng.integers(0, len(distribution.choices), n).astype(float)
    if isinstance(distribution, IntDistribution):
        return rng.permutation(np.arange(distribution.low, distribution.high + 1))[:n].astype(float)
    if distribution.step:
        steps = int(round((distribution.high - distribution.low) / distribution.step))
        return distribution.low + distribution.step * rng.permutation(steps + 1)[:n]
    if distribution.log:
        return np.exp(rng.uniform(np.log(distribution.low), np.log(distribution.high), n))
    return rng.uniform(distribution.low, distribution.high, n)


def rows(space, n, rng):
    return {name: column(d, n, rng) for name, d in space.items()}


def dimension(d):
    if isinstance(d, CategoricalDistribution):
        return f"{{0, 0, 0, false, {len(d.choices)}}}"
    step = d.step or 0
    return f"{{{d.low!r}, {d.high!r}, {step!r}, {str(d.log).lower()}, 0}}"


def numbers(values):
    return ", ".join(repr(float(x)) for x in values)


print(f"/* Optuna {optuna.__version__}, by tests/reference/tpe.py: the dimensions (min, max, step, log, choices), the")
print(" * best points, the others, points where the densities are compared, log of the ratio there. */")
rng = np.random.default_rng(7)
for space in SPACES.values():
    for n_best, n_others in SIZES:
        parts = [rows(space, n, rng) for n in (n_best, n_others, POINTS)]
        best, others = (_ParzenEstimator(p, space, PARAMETERS) for p in parts[:2])
        ratio = best.log_pdf(parts[2]) - others.log_pdf(parts[2])
        flat = [np.stack([p[name] for name in space], axis=1).ravel() for p in parts]
        dimensions = ", ".join(dimension(d) for d in space.values())
        print(f"{{{len(space)}, {{{dimensions}}}, {n_best}, {n_others},")
        print(f" {{{numbers(np.concatenate(flat[:2]))}}},")
        print(f" {{{numbers(flat[2])}}},\n {{{numbers(ratio)}}}}},")
