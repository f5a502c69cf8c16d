#include "core/search/wilcoxon.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/special.h"

enum { EXACT_MAX = 50, FOLDS_LEAST = 2 };

/* Ranks are doubled, so that shared ones and halves of them are integers; sums up to n (n + 1). */
struct ranks {
    size_t n_signs;              /* differences other than zero */
    unsigned doubled[EXACT_MAX]; /* (n_signs) of them; the first ones only */
    double positive, zeros;      /* sums of doubled ranks */
    double squares;              /* of the doubled ranks of differences other than zero */
};

static int by_size(const void *a, const void *b)
{
    double x = fabs(*(const double *)a), y = fabs(*(const double *)b);

    return x < y ? -1 : x > y;
}

/* Ranks of differences in order of size; those from i to j - 1 are equal in size. */
static void rank_all(const double *sorted, size_t n, struct ranks *out)
{
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i + 1; j < n && by_size(&sorted[i], &sorted[j]) == 0; j++)
            ;
        for (size_t l = i; l < j; l++) {
            double doubled = (double)(i + j + 1); /* ranks i + 1 … j, their mean twice */

            if (sorted[l] == 0) {
                out->zeros += doubled;
                continue;
            }
            if (out->n_signs < EXACT_MAX)
                out->doubled[out->n_signs] = (unsigned)doubled;
            out->n_signs++;
            out->squares += doubled * doubled;
            if (sorted[l] > 0)
                out->positive += doubled;
        }
    }
}

/* The share of all 2^n_signs tosses whose sum of positive ranks is at least this one's. */
static double exact_tail(const struct ranks *r)
{
    double share[EXACT_MAX * (EXACT_MAX + 1) + 1] = {1}, tail = 0; /* of each sum so far */
    size_t most = 0;

    for (size_t i = 0; i < r->n_signs; i++) {
        most += r->doubled[i];
        for (size_t sum = most + 1; sum-- > 0;)
            share[sum] = (share[sum] + (sum >= r->doubled[i] ? share[sum - r->doubled[i]] : 0)) / 2;
    }
    for (size_t sum = most + 1; sum-- > (size_t)r->positive;)
        tail += share[sum];
    return tail < 1 ? tail : 1;
}

/* Half the zeros' ranks are on either side: the sum's mean is n (n + 1) / 4 as ever. Doubled ranks
 * have a variance of sum r^2 / 4. */
static double normal_tail(const struct ranks *r, size_t n)
{
    double sum = r->positive + r->zeros / 2, mean = (double)n * (double)(n + 1) / 2;

    return special_normal_cdf((mean - sum) / sqrt(r->squares / 4));
}

double wilcoxon_greater(double *d, size_t n)
{
    struct ranks r = {0};

    qsort(d, n, sizeof *d, by_size);
    rank_all(d, n, &r);
    if (r.n_signs == 0)
        return 1;
    return n <= EXACT_MAX ? exact_tail(&r) : normal_tail(&r, n);
}

static bool stops(const struct race *r, double *p)
{
    double mean = 0;

    for (uint32_t i = 0; i < r->m; i++) {
        r->work[i] = r->x[i] - r->incumbent[i];
        mean += r->x[i];
    }
    mean /= r->m;
    *p = r->m >= FOLDS_LEAST ? wilcoxon_greater(r->work, r->m) : (double)NAN;
    return *p < r->alpha && mean > r->incumbent_mean;
}

const struct pruner_kind wilcoxon_pruner = {
    .name = "wilcoxon",
    .summary =
        "stops a trial after a fold when the signed-rank test says, below p = alpha, that it "
        "is worse than the best one on the folds seen",
    .reason = "dominated",
    .has_alpha = true,
    .stops = stops,
};
