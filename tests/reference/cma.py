#!/usr/bin/env python3
"""States of the package cmaes for given samples, for tests/core/search/cma_cases.inc: CMA on real
numbers, CMAwM (with margin) where some dimensions have steps."""

from importlib.metadata import version

import numpy as np
from cmaes import CMA, CMAwM

CASES = [  # steps of each dimension (0: real), generations
    ((0, 0), 1),
    ((0, 0), 25),
    ((0, 0, 0, 0, 0), 12),
    ((4, 0), 1),
    ((4, 0, 30), 15),
    ((2, 9, 0, 0, 2, 100), 20),
    ((3,), 8),
]


def numbers(values):
    return ", ".join(repr(float(x)) for x in np.ravel(values))


def loss(x):
    d = np.arange(1, len(x) + 1)
    return float(np.sum(d * (x - 0.9 / d) ** 2) + 0.3 * x[0] * x[-1])


def optimizer(steps, seed):
    mean = np.full(len(steps), 0.5)
    bounds = np.array([[0.5 / n, 1 - 0.5 / n] if n else [0.0, 1.0] for n in steps])
    if not any(steps):
        return CMA(mean=mean, sigma=1 / 6, bounds=bounds, seed=seed)
    return CMAwM(mean=mean, sigma=1 / 6, bounds=bounds, seed=seed,
                 steps=np.array([1 / n if n else 0.0 for n in steps]))


print(f"/* cmaes {version('cmaes')}, by tests/reference/cma.py: steps, generations, all samples, those of a")
print(" * generation from the best on; then mean, sigma, C, p_sigma, p_c, the scales of the steps. */")
for seed, (steps, generations) in enumerate(CASES):
    o = optimizer(steps, seed)
    samples = []
    for _ in range(generations):
        told = []
        for _ in range(o.population_size):
            x = o.ask()
            encoded, raw = x if isinstance(x, tuple) else (x, x)
            told.append((raw, loss(encoded)))
        told.sort(key=lambda s: s[1])
        samples += [raw.copy() for raw, _ in told]
        o.tell(told)
    c = getattr(o, "_cma", o)
    scale = getattr(o, "_A", np.ones(len(steps)))
    print(f"{{{len(steps)}, {{{', '.join(map(str, steps))}}}, {generations},")
    for values in (samples, c._mean):
        print(f" {{{numbers(values)}}},")
    print(f" {c._sigma!r},".replace("np.float64(", "").replace("),", ","))
    for values in (c._C, c._p_sigma, c._pc):
        print(f" {{{numbers(values)}}},")
    print(f" {{{numbers(scale)}}}}},")
