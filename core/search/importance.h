/*
 * How much each dimension of a space mattered in a search, from the points that were tried and
 * their losses. Two answers:
 *
 * ped_anova  to be among the best tenth of the trials: how far the best are spread otherwise than
 *            all, by densities on a grid. Where a dimension is not used by all trials, each part
 *            counts by its share; not using it counts nothing.
 * fanova     for the loss as a whole: the share of its variance under the uniform distribution of
 *            the space, by a forest. A dimension that a trial does not use has a random value
 *            there: any would have given the same.
 *
 * Pure and deterministic: forests take random numbers from streams of their own with a fixed seed.
 *
 * Source  Watanabe et al.: PED-ANOVA. IJCAI 2023; arXiv 2601.20800 for conditional dimensions.
 *         Hutter et al. 2014 (forest.h). Optuna 5's evaluators.
 */
#ifndef SWEEPD_CORE_SEARCH_IMPORTANCE_H
#define SWEEPD_CORE_SEARCH_IMPORTANCE_H

#include <stddef.h>

#include "core/base/error.h"
#include "core/search/axis.h"

enum {
    IMPORTANCE_TREES = 64,
    IMPORTANCE_SAMPLE = 2000,  /* rows that a tree is grown on, at most */
    IMPORTANCE_TRIALS_MIN = 20 /* of fewer nothing can be said */
};

/* Below this share of variance that the forest foretells, what it says of dimensions is noise. */
#define IMPORTANCE_R2_MIN 0.3

/* Points as in history.h: coordinates by axis, NaN where a point does not use it. */
struct importance_trials {
    size_t n;
    const double *x;    /* (n, axes->n) */
    const double *loss; /* (n), finite, to be minimised */
};

/** Unnormalised, as Optuna's evaluator gives it: (axes->n), 0 for fixed dimensions. */
enum err importance_ped_anova(const struct axes *axes, const struct importance_trials *t,
                              double *out, struct error *e);

/* Shares of variance; low to high holds 80 % of the trees, each of a bootstrap sample. */
struct importance_share {
    double mean, low, high;
};

/**
 * Shares: (axes->n), 0 for fixed dimensions.
 *
 * r2  of the forest, out of bag; NaN where it is undefined: all losses are equal, or there is
 *     nothing to search. Shares are 0 then.
 */
enum err importance_fanova(const struct axes *axes, const struct importance_trials *t,
                           struct importance_share *out, double *r2, struct error *e);

#endif
