/*
 * The tree-structured Parzen estimator: of points drawn from the density of the best tenth of all
 * trials the one is proposed whose density there is largest against that of the others. Joint over
 * the dimensions; trials without a result yet count among the others, so that proposals made side
 * by side differ.
 *
 * Source  Bergstra, Bardenet, Bengio, Kegl 2011; Optuna 5 (joint densities, 24 candidates, gamma
 *         0.1); no point twice
 */
#ifndef SWEEPD_CORE_SEARCH_TPE_H
#define SWEEPD_CORE_SEARCH_TPE_H

#include "core/search/sampler.h"

extern const struct sampler_kind tpe_sampler;

#endif
