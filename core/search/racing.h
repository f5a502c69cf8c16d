/*
 * Racing: a trial is stopped as soon as its chance to end with a better mean over all folds than
 * the incumbent's falls below alpha. What is foretold is the mean over these very folds, so that
 * nothing has to be corrected for folds that share training rows.
 *
 * With differences d to the incumbent on the m folds seen, of K, their mean D, the sum S of squares
 * about it, and a scale s0^2 that counts as nu0 = 4 observations:
 *
 *     s^2 = (nu0 s0^2 + S) / (nu0 + m - 1)
 *     V   = ((K - m) / K)^2 s^2 (1/m + 1/(K - m))
 *     p   = P(T < -D / sqrt(V)), Student's t with nu0 + m - 1 degrees of freedom
 *
 * The mean difference in the end is (m D + the sum of the unseen) / K; with a flat prior on the
 * true mean difference the mean of the unseen is t-distributed about D with variance
 * s^2 (1/m + 1/(K - m)).
 *
 * Inside a fold, the m-th, the difference there is that to the incumbent after as many epochs. It
 * stands for the one in the end with an error, which D has a part 1/m of, and so has what is
 * foretold of the unseen folds: V grows by v/m^2. v is the mean square of that error over folds of
 * other trials that have ended, and not its variance, since a difference that tends to grow or
 * shrink is no less wrong for it.
 */
#ifndef SWEEPD_CORE_SEARCH_RACING_H
#define SWEEPD_CORE_SEARCH_RACING_H

#include "core/search/pruner.h"

extern const struct pruner_kind racing_pruner;

#endif
