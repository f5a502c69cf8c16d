#include "core/search/forgiving.h"

#include <math.h>

static bool stops(const struct race *r, double *p)
{
    double mean = 0, worst = r->incumbent[0];

    for (uint32_t i = 0; i < r->m; i++)
        mean += r->x[i];
    mean /= r->m;
    for (uint32_t i = 1; i < r->n_folds; i++)
        if (r->incumbent[i] > worst)
            worst = r->incumbent[i];
    *p = (double)NAN;
    return mean >= worst;
}

const struct pruner_kind forgiving_pruner = {
    .name = "forgiving",
    .summary = "stops a trial after a fold when its mean is no better than the worst fold of the "
               "best trial",
    .reason = "dominated",
    .stops = stops,
};
