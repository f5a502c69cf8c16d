/*
 * How long something took, counted by ranges of seconds; for /metrics.
 *
 * Threads   any at once, without a lock
 */
#ifndef SWEEPD_SERVER_HISTOGRAM_H
#define SWEEPD_SERVER_HISTOGRAM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { HISTOGRAM_BUCKETS = 10 };

/** Their upper ends, in seconds; what is above the last is counted beside them. */
extern const double histogram_bounds[HISTOGRAM_BUCKETS];

struct histogram {
    atomic_uint_fast64_t n[HISTOGRAM_BUCKETS + 1]; /* of each range alone */
    atomic_uint_fast64_t sum_us;
};

void histogram_add(struct histogram *h, double seconds);

#endif
