/*
 * The distinct points of a finite space as a numbered list: declared order, the last dimension
 * fastest, unused dimensions absent; of points that differ only in unused dimensions the first is
 * kept. Counted and addressed without being enumerated.
 *
 * How: the combinations of the dimensions that others depend on are few. For each of them it is
 * known which dimensions are used, so that the number of points behind a prefix is a sum of
 * products. A point is found digit by digit by subtracting those sums.
 */
#ifndef SWEEPD_CORE_SEARCH_POINTS_H
#define SWEEPD_CORE_SEARCH_POINTS_H

#include "core/search/space.h"

struct points;

/* More points than this cannot be addressed. */
#define POINTS_MAX (UINT64_C(1) << 62)

/**
 * Prepares the list. The space is borrowed.
 *
 * Errors  ERR_INVALID where the dimensions that others depend on have too many combinations
 */
enum err points_create(const struct space *s, enum space_levels which, struct points **out,
                       struct error *e);
void points_destroy(struct points *p);

/** Number of points; above POINTS_MAX it is only known to be so; SPACE_INFINITE. */
uint64_t points_count(const struct points *p);

/**
 * How many of them the space allows; SPACE_INFINITE where it is restricted and they are more than
 * `most`, too many to look at each.
 */
enum err points_allowed(const struct points *p, uint64_t most, uint64_t *out, struct error *e);

/** The point with this index, below points_count() <= POINTS_MAX. */
enum err points_at(const struct points *p, uint64_t index, struct arena *a, struct params *out,
                   struct error *e);

#endif
