#include "core/search/median.h"

#include <math.h>
#include <stdlib.h>

enum { STARTUP = 5 }; /* trials that have to be complete */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

double median_of(double *x, size_t n)
{
    qsort(x, n, sizeof *x, ascending);
    return n % 2 ? x[n / 2] : 0.5 * x[n / 2 - 1] + 0.5 * x[n / 2];
}

static bool stops(double least, double *others, size_t n, double *limit)
{
    *limit = n >= STARTUP ? median_of(others, n) : (double)NAN;
    return least > *limit;
}

static const struct ladder_rule rule = {.stops = stops};

const struct pruner_kind median_pruner = {
    .name = "median",
    .summary = "stops a trial after a few epochs when its best value so far is worse than the "
               "median of completed trials at the same epoch",
    .reason = "dominated",
    .ladder = &rule,
};
