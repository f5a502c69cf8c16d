/*
 * Losses seen at levels of a search, sorted: a level is a step, within a bracket where there are
 * several. What is added is put into its place when the level is looked at next: few at once cost a
 * search each, and a whole study that is loaded one sort for each level.
 */
#ifndef SWEEPD_CORE_SEARCH_LEVELS_H
#define SWEEPD_CORE_SEARCH_LEVELS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

struct level {
    uint32_t bracket;
    int64_t step;
    double *losses; /* (n) ascending, but for those that came after the first n_sorted */
    size_t n, n_sorted, capacity;
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

/** A level whose losses are all in order. NULL where nothing was ever added; else it may be empty.
 */
const struct level *levels_find(const struct levels *l, uint32_t bracket, int64_t step);

#endif
