/*
 * Stops a trial whose mean over the folds seen is no better than the incumbent's worst fold.
 *
 * Source  Bergman, Purucker, Hutter: Don't waste your time: early stopping cross-validation. AutoML
 *         2024
 */
#ifndef SWEEPD_CORE_SEARCH_FORGIVING_H
#define SWEEPD_CORE_SEARCH_FORGIVING_H

#include "core/search/pruner.h"

extern const struct pruner_kind forgiving_pruner;

#endif
