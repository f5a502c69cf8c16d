/*
 * Bayesian optimisation: a Gaussian process is fitted to all results, and the point is proposed
 * whose expected improvement upon the best is largest. For spaces of few dimensions and up to some
 * hundred trials, each of them worth more than the fraction of a second that a proposal takes.
 *
 * Trials without a result yet count as if they had come to the process's mean (Kriging believer);
 * failed ones as the worst loss. Kernel parameters are fitted anew at numbers of results that grow
 * further apart, so that a fit is a function of the history alone and its cost is shared.
 *
 * Source  Optuna 5's GPSampler; Ament and others 2023 (the logarithm of expected improvement);
 *         Ginsbourger, Le Riche, Carraro 2010 (the believer)
 */
#ifndef SWEEPD_CORE_SEARCH_GP_H
#define SWEEPD_CORE_SEARCH_GP_H

#include "core/search/sampler.h"

extern const struct sampler_kind gp_sampler;

#endif
