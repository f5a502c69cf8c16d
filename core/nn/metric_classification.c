#include <math.h>
#include <string.h>

#include "core/base/fmath.h"
#include "core/nn/metric_private.h"

/* The most probable class; of equals, the first. */
static size_t class_of(const struct metric_rows *r, size_t i)
{
    const float *p = r->predicted + i * r->n;
    size_t best = 0;

    for (size_t j = 1; j < r->n; j++)
        if (p[j] > p[best])
            best = j;
    return best;
}

/* ---- of the predicted classes --------------------------------------------------------------- */

/* Weights by class, each (n). */
struct sums {
    size_t n;
    const double *right; /* rows of the class that were predicted so */
    const double *truth; /* rows of the class */
    const double *given; /* rows that were predicted so */
};

static struct sums sums_of(const struct metric_rows *r)
{
    double *right = metric_class_sums(r), *truth = right + r->n, *given = truth + r->n;

    if (metric_shared(r)->has_sums)
        return (struct sums){r->n, right, truth, given};
    memset(right, 0, 3 * r->n * sizeof *right);
    for (size_t i = 0; i < r->rows; i++) {
        size_t is = (size_t)r->classes[i], predicted = class_of(r, i);
        double w = metric_weight(r, i);

        if (is == predicted)
            right[is] += w;
        truth[is] += w;
        given[predicted] += w;
    }
    metric_shared(r)->has_sums = true;
    return (struct sums){r->n, right, truth, given};
}

double metric_accuracy(const struct metric_rows *r)
{
    double right = 0.0, all = 0.0;

    for (size_t i = 0; i < r->rows; i++) {
        if (class_of(r, i) == (size_t)r->classes[i])
            right += metric_weight(r, i);
        all += metric_weight(r, i);
    }
    return right / all;
}

double metric_balanced_accuracy(const struct metric_rows *r)
{
    struct sums s = sums_of(r);
    double sum = 0.0, classes = 0.0;

    for (size_t k = 0; k < s.n; k++) {
        if (s.truth[k] == 0.0)
            continue;
        sum += s.right[k] / s.truth[k];
        classes += 1.0;
    }
    return sum / classes;
}

/* Of class k; NaN for 0/0. */
typedef double class_score(const struct sums *s, size_t k);

static double precision_of(const struct sums *s, size_t k)
{
    if (s->given[k] == 0.0 && s->truth[k] > 0.0)
        return 0.0;
    return s->right[k] / s->given[k];
}

static double recall_of(const struct sums *s, size_t k)
{
    return s->right[k] / s->truth[k];
}

static double f1_of(const struct sums *s, size_t k)
{
    return 2.0 * s->right[k] / (s->truth[k] + s->given[k]);
}

/* The mean over the classes that occur; 0/0, the recall of one that was only predicted, counts
 * as 0, as in scikit-learn. */
static double macro(const struct metric_rows *r, class_score *score)
{
    struct sums s = sums_of(r);
    double sum = 0.0, classes = 0.0;

    for (size_t k = 0; k < s.n; k++) {
        double x = score(&s, k);

        if (s.truth[k] + s.given[k] == 0.0)
            continue;
        sum += isnan(x) ? 0.0 : x;
        classes += 1.0;
    }
    return sum / classes;
}

static double of_last_or_macro(const struct metric_rows *r, class_score *score)
{
    struct sums s;

    if (r->n > 2)
        return macro(r, score);
    s = sums_of(r);
    return score(&s, s.n - 1);
}

double metric_f1_macro(const struct metric_rows *r)
{
    return macro(r, f1_of);
}

double metric_f1(const struct metric_rows *r)
{
    return of_last_or_macro(r, f1_of);
}

double metric_precision(const struct metric_rows *r)
{
    return of_last_or_macro(r, precision_of);
}

double metric_recall(const struct metric_rows *r)
{
    return of_last_or_macro(r, recall_of);
}

static size_t count_positive(const double *x, size_t n)
{
    size_t count = 0;

    for (size_t k = 0; k < n; k++)
        count += x[k] > 0.0;
    return count;
}

/* The correlation of indicator vectors: covariances from sums over classes.
 * Source  Gorodkin 2004, "Comparing two K-category assignments by a K-category correlation
 *         coefficient" */
double metric_mcc(const struct metric_rows *r)
{
    struct sums s = sums_of(r);
    double right = 0.0, all = 0.0, both = 0.0, truth = 0.0, given = 0.0;

    if (count_positive(s.truth, s.n) < 2)
        return (double)NAN;
    if (count_positive(s.given, s.n) < 2)
        return 0.0;
    for (size_t k = 0; k < s.n; k++) {
        right += s.right[k];
        all += s.truth[k];
        both += s.truth[k] * s.given[k];
        truth += s.truth[k] * s.truth[k];
        given += s.given[k] * s.given[k];
    }
    return (right * all - both) / sqrt((all * all - given) * (all * all - truth));
}

/* ---- of the order by probability ------------------------------------------------------------ */

static double probability(const struct metric_rows *r, size_t row, size_t k)
{
    return (double)r->predicted[row * r->n + k];
}

/* Rows of equal probability, which no threshold tells apart. */
struct tie {
    double positive, negative; /* weights of rows of the class, and of others */
};

static bool is_positive(const struct metric_rows *r, size_t row, size_t k)
{
    return (size_t)r->classes[row] == k;
}

static void add(const struct metric_rows *r, size_t row, size_t k, struct tie *t)
{
    if (is_positive(r, row, k))
        t->positive += metric_weight(r, row);
    else
        t->negative += metric_weight(r, row);
}

/* The last of *n items and those before it of the same probability, which are taken off. */
static struct tie take_tie(const struct metric_rows *r, size_t k, const struct metric_item *items,
                           size_t *n)
{
    double value = items[*n - 1].value;
    struct tie t = {0.0, 0.0};

    for (; *n > 0 && items[*n - 1].value == value; --*n)
        add(r, items[*n - 1].row, k, &t);
    return t;
}

/*
 * Of class k against the rest. roc_auc: the share of pairs (a row of the class, another) that are
 * in the right order, ties half. average_precision: the mean, over the rows of the class, of the
 * precision at their own probability as threshold.
 */
static void add_areas(const struct metric_rows *r, size_t k, struct metric_shared *to)
{
    const struct metric_item *items;
    struct tie above = {0.0, 0.0};
    double pairs = 0.0, precision = 0.0;
    bool sorted, both;
    size_t n;

    sorted = metric_sort(r, probability, k, &items, &n);
    while (sorted && n > 0) {
        struct tie t = take_tie(r, k, items, &n);

        pairs += t.negative * (above.positive + t.positive / 2.0);
        above.positive += t.positive;
        above.negative += t.negative;
        precision += t.positive * (above.positive / (above.positive + above.negative));
    }
    both = above.positive > 0.0 && above.negative > 0.0;
    to->roc_auc += both ? pairs / (above.positive * above.negative) : (double)NAN;
    to->average_precision += sorted ? precision / above.positive : (double)NAN;
}

/* Of the last of two classes; of more, the mean: undefined where one is. */
static const struct metric_shared *areas_of(const struct metric_rows *r)
{
    struct metric_shared *all = metric_shared(r);
    size_t first = r->n <= 2 ? r->n - 1 : 0;

    if (all->has_areas)
        return all;
    all->roc_auc = all->average_precision = 0.0;
    for (size_t k = first; k < r->n; k++)
        add_areas(r, k, all);
    all->roc_auc /= (double)(r->n - first);
    all->average_precision /= (double)(r->n - first);
    all->has_areas = true;
    return all;
}

double metric_roc_auc(const struct metric_rows *r)
{
    return areas_of(r)->roc_auc;
}

double metric_average_precision(const struct metric_rows *r)
{
    return areas_of(r)->average_precision;
}

/* ---- of the probabilities ------------------------------------------------------------------- */

/* Probabilities are float32 and clipped by its epsilon at both ends, as scikit-learn does. */
double metric_log_loss(const struct metric_rows *r)
{
    const double EPSILON = 0x1p-23;
    double sum = 0.0, all = 0.0;

    for (size_t i = 0; i < r->rows; i++) {
        double p = probability(r, i, (size_t)r->classes[i]);

        p = p < EPSILON ? EPSILON : p > 1.0 - EPSILON ? 1.0 - EPSILON : p;
        sum -= metric_weight(r, i) * fmath_log(p);
        all += metric_weight(r, i);
    }
    return sum / all;
}

double metric_brier(const struct metric_rows *r)
{
    size_t first = r->n > 2 ? 0 : r->n - 1;
    double sum = 0.0, all = 0.0;

    for (size_t i = 0; i < r->rows; i++) {
        for (size_t k = first; k < r->n; k++) {
            double error = probability(r, i, k) - (is_positive(r, i, k) ? 1.0 : 0.0);

            sum += metric_weight(r, i) * (error * error);
        }
        all += metric_weight(r, i);
    }
    return sum / all;
}
