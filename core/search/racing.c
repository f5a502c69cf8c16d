#include "core/search/racing.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/special.h"

/* Observations that the scale counts for; mates from which on it is learned from them. */
enum { SCALE_WEIGHT = 4, MATES_LEAST = 6 };

/* Folds of others from which on it is known what differences change by on the way. */
enum { PAIRS_LEAST = 18 };

static const double VARIANCE_LEAST = 1e-300; /* where all differences are equal */

static bool stops(const struct race *r, double *p)
{
    double m = r->m, k = r->n_folds, nu = SCALE_WEIGHT + m - 1, mean = 0, squares = 0, s2, v;

    for (uint32_t i = 0; i < r->m; i++)
        mean += r->x[i] - r->incumbent[i];
    mean /= m;
    for (uint32_t i = 0; i < r->m; i++) {
        double off = r->x[i] - r->incumbent[i] - mean;

        squares += off * off;
    }
    s2 = (SCALE_WEIGHT * r->scale + squares) / nu;
    v = m < k ? (k - m) / k * ((k - m) / k) * s2 * (1 / m + 1 / (k - m)) : 0;
    v += r->drift / (m * m);
    *p = special_student_cdf(-mean / sqrt(v > VARIANCE_LEAST ? v : VARIANCE_LEAST), nu);
    return !(*p >= r->alpha); /* also where the numbers are too large for a chance */
}

static double variance(const double *x, uint32_t n)
{
    double mean = 0, squares = 0;

    for (uint32_t i = 0; i < n; i++)
        mean += x[i];
    mean /= n;
    for (uint32_t i = 0; i < n; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    return squares / (n - 1);
}

/* Equal differences: by variance, so that the sum does not depend on an order of theirs. */
static int by_distance(const void *a, const void *b)
{
    const struct race_mate *x = a, *y = b;
    double dx = fabs(x->difference), dy = fabs(y->difference);

    if (dx != dy)
        return dx < dy ? -1 : 1;
    return x->variance < y->variance ? -1 : x->variance > y->variance;
}

/* Only those near the incumbent tell: bad configurations vary more. Before there are enough of
 * them, the incumbent's own folds: too much where folds differ in difficulty, which is safe. */
static double scale(const double *incumbent, uint32_t n_folds, struct race_mate *mates, size_t n)
{
    double sum = 0;

    if (n < MATES_LEAST)
        return variance(incumbent, n_folds);
    qsort(mates, n, sizeof *mates, by_distance);
    for (size_t i = 0; i < n / 3; i++)
        sum += mates[i].variance;
    return sum / (double)(n / 3);
}

static int by_end(const void *a, const void *b)
{
    const struct race_pair *x = a, *y = b;
    double dx = fabs(x->end), dy = fabs(y->end);

    if (dx != dy)
        return dx < dy ? -1 : 1;
    return x->drift < y->drift ? -1 : x->drift > y->drift;
}

/* Again only those near the incumbent in the end, among them what began slowly. */
static double drift(struct race_pair *pairs, size_t n)
{
    double sum = 0;

    if (n < PAIRS_LEAST)
        return (double)NAN;
    qsort(pairs, n, sizeof *pairs, by_end);
    for (size_t i = 0; i < n / 3; i++)
        sum += pairs[i].drift * pairs[i].drift;
    return sum / (double)(n / 3);
}

const struct pruner_kind racing_pruner = {
    .name = "racing",
    .summary = "stops a trial after a fold when its chance to beat the best one over all folds "
               "falls below alpha; at the end those with a chance left get further folds",
    .reason = "raced_out",
    .has_alpha = true,
    .revisits = true,
    .stops = stops,
    .scale = scale,
    .drift = drift,
};
