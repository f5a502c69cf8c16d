#include "server/histogram.h"

const double histogram_bounds[HISTOGRAM_BUCKETS] = {0.001, 0.0025, 0.005, 0.01, 0.025,
                                                    0.1,   0.25,   1,     5,    30};

void histogram_add(struct histogram *h, double seconds)
{
    size_t i = 0;

    while (i < HISTOGRAM_BUCKETS && seconds > histogram_bounds[i])
        i++;
    atomic_fetch_add_explicit(&h->n[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->sum_us, (uint_fast64_t)(seconds * 1e6), memory_order_relaxed);
}
