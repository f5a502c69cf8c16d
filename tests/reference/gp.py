#!/usr/bin/env python3
"""Posterior, log expected improvement and the fit's objective of Optuna's Gaussian process for fixed
observations and kernel parameters, for tests/core/search/gp_cases.inc."""

import numpy as np
import optuna
import torch
from optuna._gp.acqf import logei
from optuna._gp.gp import GPRegressor, fit_kernel_params
from optuna._gp.prior import default_log_prior

CASES = [  # points, numbers, categories, scale, noise
    (1, 1, 0, 1.0, 1e-3),
    (7, 2, 0, 0.6, 1e-4),
    (12, 1, 2, 1.3, 1e-2),
    (30, 4, 1, 0.9, 1e-5),
    (45, 6, 0, 2.1, 3e-2),
]
LOOKS = 5


def numbers(values):
    return ", ".join(repr(float(x)) for x in np.ravel(values))


def inputs(n, reals, categories, rng):
    return np.hstack([rng.uniform(size=(n, reals)), rng.integers(0, 3, (n, categories))])


def regressor(x, y, category, weights, scale, noise):
    return GPRegressor(torch.from_numpy(category), torch.from_numpy(x), torch.from_numpy(y),
                       *(torch.tensor(v, dtype=torch.float64) for v in (weights, scale, noise)))


def objective(x, y, category, weights, scale, noise):
    """The loss that a fit minimises, and its gradient by the logarithms."""
    logs = torch.tensor(np.log([*weights, scale, noise - 1e-6]), requires_grad=True)
    g = regressor(x, y, category, weights, scale, noise)
    d = len(weights)
    g.inverse_squared_lengthscales = torch.exp(logs[:d])
    g.kernel_scale = torch.exp(logs[d])
    g.noise_var = torch.exp(logs[d + 1]) + 1e-6
    loss = -g.marginal_log_likelihood() - default_log_prior(g)
    loss.backward()
    return loss.item(), logs.grad.numpy()


print(f"/* Optuna {optuna.__version__}, by tests/reference/gp.py: points, numbers, categories, scale, noise,")
print(" * weights, observations (x, y), looks, their mean, variance and log EI over the best y, the")
print(" * objective and its gradient, the objective where Optuna's own fit ends. */")
rng = np.random.default_rng(11)
for n, reals, categories, scale, noise in CASES:
    d = reals + categories
    category = np.array([False] * reals + [True] * categories)
    weights = np.exp(rng.normal(0.5, 1.0, d))
    x, looks = inputs(n, reals, categories, rng), inputs(LOOKS, reals, categories, rng)
    looks[0] = x[0]
    y = np.sin(3 * x.sum(axis=1)) + 0.1 * rng.normal(size=n)
    y = (y - y.mean()) / max(y.std(), 1e-12)
    g = regressor(x, y, category, weights, scale, noise)
    g._cache_matrix()
    mean, variance = g.posterior(torch.from_numpy(looks))
    ei = logei(mean=mean, var=variance + 1e-12, f0=y.max())
    loss, gradient = objective(x, y, category, weights, scale, noise)
    f = fit_kernel_params(x, y, category, default_log_prior, 1e-6, False)
    fitted, _ = objective(x, y, category, f.inverse_squared_lengthscales.numpy(),
                          f.kernel_scale.item(), f.noise_var.item())
    print(f"{{{n}, {reals}, {categories}, {scale!r}, {noise!r}, {{{numbers(weights)}}},")
    for values in (x, y, looks, mean, variance, ei):
        print(f" {{{numbers(values)}}},")
    print(f" {loss!r}, {{{numbers(gradient)}}}, {fitted!r}}},")
