/*
 * Every point of a finite space once, in declared order or mixed by seed.
 */
#ifndef SWEEPD_CORE_SEARCH_GRID_H
#define SWEEPD_CORE_SEARCH_GRID_H

#include "core/search/sampler.h"

extern const struct sampler_kind grid_sampler;

#endif
