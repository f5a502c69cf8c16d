#include <math.h>

#include "core/nn/metric_private.h"

static double truth_of(const struct metric_rows *r, size_t i, size_t j)
{
    return r->target[i * r->n + j];
}

static double value_of(const struct metric_rows *r, size_t i, size_t j)
{
    return r->offset[j] + r->factor[j] * (double)r->predicted[i * r->n + j];
}

/* ---- means ---------------------------------------------------------------------------------- */

static double error_of(const struct metric_rows *r, size_t i, size_t j)
{
    return truth_of(r, i, j) - value_of(r, i, j);
}

static double absolute_error(const struct metric_rows *r, size_t i, size_t j)
{
    return fabs(error_of(r, i, j));
}

/* A target of zero counts as 2^-52, as in scikit-learn. */
static double relative_error(const struct metric_rows *r, size_t i, size_t j)
{
    return absolute_error(r, i, j) / fmax(fabs(truth_of(r, i, j)), 0x1p-52);
}

static double mean(const struct metric_rows *r, metric_value *value, size_t j)
{
    double sum = 0.0, all = 0.0;

    for (size_t i = 0; i < r->rows; i++) {
        sum += metric_weight(r, i) * value(r, i, j);
        all += metric_weight(r, i);
    }
    return sum / all;
}

/* Mean squared distance from `from`. */
static double spread(const struct metric_rows *r, metric_value *value, size_t j, double from)
{
    double sum = 0.0, all = 0.0;

    for (size_t i = 0; i < r->rows; i++) {
        double distance = value(r, i, j) - from;

        sum += metric_weight(r, i) * distance * distance;
        all += metric_weight(r, i);
    }
    return sum / all;
}

double metric_mse(const struct metric_rows *r, size_t j)
{
    return spread(r, error_of, j, 0.0);
}

double metric_rmse(const struct metric_rows *r, size_t j)
{
    return sqrt(metric_mse(r, j));
}

double metric_mae(const struct metric_rows *r, size_t j)
{
    return mean(r, absolute_error, j);
}

double metric_mape(const struct metric_rows *r, size_t j)
{
    return mean(r, relative_error, j);
}

/* ---- against the target's own variance ------------------------------------------------------ */

static bool does_vary(const struct metric_rows *r, size_t j)
{
    size_t first = 0;

    while (first < r->rows && metric_weight(r, first) == 0.0)
        first++;
    for (size_t i = first; i < r->rows; i++)
        if (metric_weight(r, i) > 0.0 && truth_of(r, i, j) != truth_of(r, first, j))
            return true;
    return false;
}

/* Undefined where the target does not vary: asked of the values, since rounding can leave a
 * variance that is not quite zero, and vary so little that it is. */
static double explained(const struct metric_rows *r, size_t j, double unexplained)
{
    double all = spread(r, truth_of, j, mean(r, truth_of, j));

    return does_vary(r, j) && all > 0.0 ? 1.0 - unexplained / all : (double)NAN;
}

double metric_r2(const struct metric_rows *r, size_t j)
{
    return explained(r, j, metric_mse(r, j));
}

double metric_explained_variance(const struct metric_rows *r, size_t j)
{
    return explained(r, j, spread(r, error_of, j, mean(r, error_of, j)));
}

/* ---- of sorted rows ------------------------------------------------------------------------- */

/* Half the weight is on either side; where that falls between two rows, their mean. The slack is
 * scikit-learn's. */
double metric_median_ae(const struct metric_rows *r, size_t j)
{
    const struct metric_item *items;
    double all = 0.0, below = 0.0;
    size_t n, i;

    if (!metric_sort(r, absolute_error, j, &items, &n) || n == 0)
        return (double)NAN;
    for (i = 0; i < n; i++)
        all += metric_weight(r, items[i].row);
    for (i = 0; i < n; i++) {
        below += metric_weight(r, items[i].row);
        if (below >= all / 2.0)
            break;
    }
    if (below - all / 2.0 > 0x1p-52 || i + 1 == n)
        return items[i].value;
    return (items[i].value + items[i + 1].value) / 2.0;
}

/* Ranks from 1, equal values share the mean of theirs; 0 for rows that weigh nothing. False where
 * all are equal, or one is not a number. */
static bool rank(const struct metric_rows *r, metric_value *value, size_t j, double *ranks)
{
    const struct metric_item *items;
    size_t n;

    if (!metric_sort(r, value, j, &items, &n) || n == 0)
        return false;
    for (size_t i = 0; i < r->rows; i++)
        ranks[i] = 0.0;
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from; to < n && items[to].value == items[from].value; to++)
            continue;
        for (size_t i = from; i < to; i++)
            ranks[items[i].row] = (double)(from + 1 + to) / 2.0;
    }
    return items[0].value != items[n - 1].value;
}

static double weighted_mean(const struct metric_rows *r, const double *x)
{
    double sum = 0.0, all = 0.0;

    for (size_t i = 0; i < r->rows; i++) {
        sum += metric_weight(r, i) * x[i];
        all += metric_weight(r, i);
    }
    return sum / all;
}

/* Pearson's correlation of the ranks. */
double metric_spearman(const struct metric_rows *r, size_t j)
{
    double *x = metric_ranks(r), *y = x + r->rows;
    double xx = 0.0, yy = 0.0, xy = 0.0, mean_x, mean_y, correlation;

    if (!rank(r, truth_of, j, x) || !rank(r, value_of, j, y))
        return (double)NAN;
    mean_x = weighted_mean(r, x);
    mean_y = weighted_mean(r, y);
    for (size_t i = 0; i < r->rows; i++) {
        double w = metric_weight(r, i), dx = x[i] - mean_x, dy = y[i] - mean_y;

        xx += w * dx * dx;
        yy += w * dy * dy;
        xy += w * dx * dy;
    }
    correlation = xy / (sqrt(xx) * sqrt(yy));
    return fmax(-1.0, fmin(1.0, correlation));
}
