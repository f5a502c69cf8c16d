/*
 * The median rule: a trial is stopped on a rung when its least loss so far is worse than the median
 * of the losses of completed trials there.
 *
 * Source  Golovin et al. 2017 (Vizier); five trials at first, as in Optuna
 */
#ifndef SWEEPD_CORE_SEARCH_MEDIAN_H
#define SWEEPD_CORE_SEARCH_MEDIAN_H

#include "core/search/pruner.h"

extern const struct pruner_kind median_pruner;

/** The median of n >= 1 numbers, which are put in order; of an even number the mean of two. */
double median_of(double *x, size_t n);

#endif
