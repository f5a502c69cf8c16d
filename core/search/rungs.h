/*
 * The epochs after which trainings are compared: r, 3r, 9r, … with r = max(1, epochs / 27), of
 * which the last gives way to `epochs` itself.
 */
#ifndef SWEEPD_CORE_SEARCH_RUNGS_H
#define SWEEPD_CORE_SEARCH_RUNGS_H

#include <stdint.h>

enum { RUNGS_MOST = 4, RUNGS_RATIO = 3 };

struct rungs {
    uint32_t n; /* 0: none */
    uint32_t epochs[RUNGS_MOST];
};

/** Of 1 epoch or more; below RUNGS_RATIO there is the last rung alone. */
struct rungs rungs_make(uint32_t epochs);

#endif
