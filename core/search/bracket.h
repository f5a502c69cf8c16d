/*
 * Synchronous halving: brackets of trials of which the best third goes on from rung to rung.
 *
 * Source  successive halving: Jamieson & Talwalkar 2016; hyperband: Li et al., JMLR 2018, with
 *         ratio 3, rungs as in rungs.h
 */
#ifndef SWEEPD_CORE_SEARCH_BRACKET_H
#define SWEEPD_CORE_SEARCH_BRACKET_H

#include "core/search/pruner.h"

/** Every bracket begins on the first rung, with 3^J trials for J rungs above it. */
extern const struct pruner_kind successive_halving_pruner;

/** In turn s = J, …, 0: ceil((J + 1) / (s + 1) 3^s) trials that begin s rungs below the last. */
extern const struct pruner_kind hyperband_pruner;

#endif
