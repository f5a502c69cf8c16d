/*
 * Losses seen at levels of a search, sorted: a level is a step, within a bracket where there are
 * several. One more loss costs a look for its place, so that a median or a rank costs nothing.
 */
#ifndef SWEEPD_CORE_SEARCH_LEVELS_H
#define SWEEPD_CORE_SEARCH_LEVELS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

struct level {
    uint32_t bracket;
    int64_t step;
    double *losses; /* (n) ascending */
    size_t n, capacity;
};

/* Zeroed: empty. */
struct levels {
    struct level *items; /* (n) by bracket and step */
    size_t n, capacity;
};

void levels_finish(struct levels *l);

/** loss  finite */
enum err levels_add(struct levels *l, uint32_t bracket, int64_t step, double loss, struct error *e);

/** Takes out a loss that was added. */
void levels_remove(struct levels *l, uint32_t bracket, int64_t step, double loss);

/** NULL where nothing was ever added; else it may be empty. */
const struct level *levels_find(const struct levels *l, uint32_t bracket, int64_t step);

#endif
