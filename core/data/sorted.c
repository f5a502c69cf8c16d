#include "core/data/sorted.h"

#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

void sorted_make(double *x, size_t n)
{
    qsort(x, n, sizeof *x, by_value);
}

/* The place is found in integers, so that a quantile that is one of the numbers is exactly it. */
double sorted_quantile(const double *x, size_t n, size_t k, size_t of)
{
    size_t at = (n - 1) * k / of, rest = (n - 1) * k % of;
    double part = (double)rest / (double)of, step;

    if (rest == 0)
        return x[at];
    step = x[at + 1] - x[at];
    return part <= 0.5 ? x[at] + step * part : x[at + 1] - step * (1 - part);
}
