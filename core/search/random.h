/*
 * Independent draws: trial t comes from the stream (seed, search, t) alone, so that it is the same
 * whatever ran before. A point that was proposed before is drawn again from the same stream.
 */
#ifndef SWEEPD_CORE_SEARCH_RANDOM_H
#define SWEEPD_CORE_SEARCH_RANDOM_H

#include "core/search/sampler.h"

extern const struct sampler_kind random_sampler;

#endif
