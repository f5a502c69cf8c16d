/*
 * How many experiments and trials there are in each state.
 */
#ifndef SWEEPD_SERVER_STORE_STORE_CENSUS_H
#define SWEEPD_SERVER_STORE_STORE_CENSUS_H

#include "server/store/store.h"

struct census_line {
    const char *state;
    int64_t count;
};

struct census {
    size_t n_experiments, n_trials; /* lines; states that nothing is in have none */
    struct census_line *experiments, *trials;
};

/** Reads an index of trials from end to end: a tenth of a second for a million. */
enum err store_census(struct reader *r, struct arena *a, struct census *out, struct error *e);

#endif
