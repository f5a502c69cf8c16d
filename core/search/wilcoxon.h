/*
 * Stops a trial when the signed-rank test says that it is worse than the incumbent on the folds
 * seen: one-sided, zeros count half for either side. From two folds on, and never while its mean is
 * no worse than the incumbent's over all folds.
 *
 * Source  Optuna's WilcoxonPruner, p_threshold 0.1, n_startup_steps 2
 */
#ifndef SWEEPD_CORE_SEARCH_WILCOXON_H
#define SWEEPD_CORE_SEARCH_WILCOXON_H

#include <stddef.h>

#include "core/search/pruner.h"

extern const struct pruner_kind wilcoxon_pruner;

/**
 * The chance that n differences whose signs are tossed have a sum of positive ranks as large as
 * these have; equal ones share their mean rank, zeros give half of theirs.
 *
 * n <= 50: exact, with equal differences too. Above: the normal approximation with its correction
 * for ties.
 *
 * n >= 1; d is finite, and put in order of size.
 */
double wilcoxon_greater(double *d, size_t n);

#endif
