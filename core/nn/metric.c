#include "core/nn/metric.h"

#include <math.h>
#include <string.h>

#include "core/base/fmath.h"

static double weight_of(const struct metric_rows *r, size_t i)
{
    return r->weight ? (double)r->weight[i] : 1.0;
}

static double value_of(const struct metric_rows *r, size_t i, size_t j)
{
    return r->offset[j] + r->factor[j] * (double)r->predicted[i * r->n + j];
}

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

static double accuracy(const struct metric_rows *r)
{
    double right = 0.0, all = 0.0;

    for (size_t i = 0; i < r->rows; i++) {
        if (class_of(r, i) == (size_t)r->classes[i])
            right += weight_of(r, i);
        all += weight_of(r, i);
    }
    return right / all;
}

/* Probabilities are float32 and clipped by its epsilon at both ends, as scikit-learn does. */
static double log_loss(const struct metric_rows *r)
{
    const double EPSILON = 0x1p-23;
    double sum = 0.0, all = 0.0;

    for (size_t i = 0; i < r->rows; i++) {
        double p = (double)r->predicted[i * r->n + (size_t)r->classes[i]];

        p = p < EPSILON ? EPSILON : p > 1.0 - EPSILON ? 1.0 - EPSILON : p;
        sum -= weight_of(r, i) * fmath_log(p);
        all += weight_of(r, i);
    }
    return sum / all;
}

static double mean_squared_error(const struct metric_rows *r, size_t j)
{
    double sum = 0.0, all = 0.0;

    for (size_t i = 0; i < r->rows; i++) {
        double error = r->target[i * r->n + j] - value_of(r, i, j);

        sum += weight_of(r, i) * error * error;
        all += weight_of(r, i);
    }
    return sum / all;
}

static double variance(const struct metric_rows *r, size_t j)
{
    double mean = 0.0, sum = 0.0, all = 0.0;

    for (size_t i = 0; i < r->rows; i++) {
        mean += weight_of(r, i) * r->target[i * r->n + j];
        all += weight_of(r, i);
    }
    mean /= all;
    for (size_t i = 0; i < r->rows; i++) {
        double distance = r->target[i * r->n + j] - mean;

        sum += weight_of(r, i) * distance * distance;
    }
    return sum / all;
}

static bool is_constant(const struct metric_rows *r, size_t j)
{
    for (size_t i = 1; i < r->rows; i++)
        if (r->target[i * r->n + j] != r->target[j])
            return false;
    return true;
}

static double rmse(const struct metric_rows *r)
{
    double sum = 0.0;

    for (size_t j = 0; j < r->n; j++)
        sum += sqrt(mean_squared_error(r, j));
    return sum / (double)r->n;
}

/* Undefined where a target does not vary. */
static double r2(const struct metric_rows *r)
{
    double sum = 0.0;

    for (size_t j = 0; j < r->n; j++) {
        double spread = variance(r, j);

        if (is_constant(r, j) || spread == 0.0)
            return (double)NAN;
        sum += 1.0 - mean_squared_error(r, j) / spread;
    }
    return sum / (double)r->n;
}

static const struct metric metrics[] = {
    {"accuracy", "share of rows whose most probable class is right", TASK_CLASSIFICATION, true,
     accuracy},
    {"log_loss", "mean of -log of the probability given to the right class", TASK_CLASSIFICATION,
     false, log_loss},
    {"r2", "share of the target's variance that is explained; mean over targets", TASK_REGRESSION,
     true, r2},
    {"rmse", "root of the mean squared error, in the target's unit; mean over targets",
     TASK_REGRESSION, false, rmse},
};

enum { N_METRICS = sizeof metrics / sizeof *metrics };
_Static_assert((int)N_METRICS <= (int)METRIC_MAX, "callers have room for METRIC_MAX numbers");

size_t metric_count(void)
{
    return N_METRICS;
}

const struct metric *metric_at(size_t i)
{
    return metrics + i;
}

size_t metric_index(const struct metric *m)
{
    return (size_t)(m - metrics);
}

const struct metric *metric_find(const char *name)
{
    for (size_t i = 0; i < N_METRICS; i++)
        if (strcmp(metrics[i].name, name) == 0)
            return metrics + i;
    return NULL;
}

void metric_score_all(const struct metric_rows *r, double *values)
{
    for (size_t i = 0; i < N_METRICS; i++)
        values[i] = metrics[i].task == r->task ? metrics[i].score(r) : (double)NAN;
}
