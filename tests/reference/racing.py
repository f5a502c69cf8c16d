#!/usr/bin/env python3
"""Chances of a race and signed-rank tests by SciPy, for tests/core/search/racing_cases.inc.

Where differences are equal or zero SciPy's exact test does not apply: there all signs are tried."""

import itertools

import numpy
import scipy
from scipy.stats import rankdata, wilcoxon
from scipy.stats import t as student

NU0 = 4
rng = numpy.random.default_rng(20)


def chance(x, incumbent, scale):
    """The final mean difference is below zero: the mean of the unseen is t about that of the seen."""
    k, m = len(incumbent), len(x)
    d = x - incumbent[:m]
    s2 = (NU0 * scale + ((d - d.mean()) ** 2).sum()) / (NU0 + m - 1)
    # The final mean is (m D + (K - m) U) / K: below zero where U is below - m D / (K - m).
    bound = -m * d.mean() / (k - m)
    return student.cdf((bound - d.mean()) / numpy.sqrt(s2 * (1 / m + 1 / (k - m))), NU0 + m - 1)


def scale_of(incumbent, mates):
    if len(mates) < 6:
        return numpy.var(incumbent, ddof=1)
    d = [x - incumbent[:len(x)] for x in mates]
    near = sorted(d, key=lambda one: abs(one.mean()))[:len(d) // 3]
    return numpy.mean([numpy.var(one, ddof=1) for one in near])


def tossed(d):
    """The share of all tosses of signs whose sum of positive ranks is no smaller; zeros half."""
    ranks = rankdata(numpy.abs(d))
    zeros = ranks[d == 0].sum() / 2
    ours = ranks[d > 0].sum() + zeros
    ranks = ranks[d != 0]
    sums = [numpy.dot(ranks, signs) + zeros
            for signs in itertools.product((0, 1), repeat=len(ranks))]
    return numpy.mean(numpy.array(sums) >= ours - 1e-9)


def numbers(x):
    return "{" + ", ".join(repr(float(v)) for v in x) + "}"


print(f"/* SciPy {scipy.__version__}, by tests/reference/racing.py. */")
print("static const struct chance_case chance_cases[] = {")
for case in range(60):
    k = int(rng.integers(2, 13))
    m = int(rng.integers(1, k))
    incumbent = rng.normal(0.3, 0.05, k)
    x = incumbent[:m] + rng.normal(rng.choice([-0.02, 0, 0.01, 0.1]), 0.02, m)
    mates = [incumbent[:n] + rng.normal(rng.normal(0, 0.05), rng.uniform(0.01, 0.05), n)
             for n in rng.integers(2, k + 1, int(rng.choice([0, 5, 6, 7, 30])))]
    scale = scale_of(incumbent, mates)
    print(f"{{{k}, {m}, {numbers(incumbent)}, {numbers(x)}, {len(mates)},\n {{", end="")
    print(", ".join(numbers([(y - incumbent[:len(y)]).mean(),
                             numpy.var(y - incumbent[:len(y)], ddof=1)]) for y in mates), end="")
    print(f"}}, {float(scale)!r}, {float(chance(x, incumbent, scale))!r}}},")
print("};")

print("static const struct rank_case rank_cases[] = {")
for n in (1, 2, 3, 4, 5, 6, 8, 10, 15, 25, 50):
    for shift in (-0.5, 0, 0.3, 2):
        d = rng.normal(shift, 1, n)
        p = wilcoxon(d, alternative="greater", method="exact").pvalue
        print(f"{{{n}, {numbers(d)}, {float(p)!r}, 1e-12}},")
for n in (2, 3, 5, 8, 12):
    for shift in (0, 1):
        d = rng.integers(-2, 3, n) + shift
        if (d != 0).any():
            print(f"{{{n}, {numbers(d)}, {float(tossed(d))!r}, 1e-12}},")
for n in (51, 80):
    d = rng.normal(0.2, 1, n)
    p = wilcoxon(d, alternative="greater", method="approx", correction=False).pvalue
    print(f"{{{n}, {numbers(d)}, {float(p)!r}, 1e-12}},")
    d = numpy.round(d, 1)
    d = numpy.where(d == 0, 0.1, d)
    p = wilcoxon(d, alternative="greater", method="approx", correction=False).pvalue
    print(f"{{{n}, {numbers(d)}, {float(p)!r}, 1e-12}},")
print("};")
