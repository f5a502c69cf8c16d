#include "core/nn/metric.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "core/nn/metric_private.h"

/* clang-format off */
static const struct metric metrics[] = {
#define LAST "of the last of two classes, of more the mean"
#define CLASSES(NAME, MAXIMIZE, SUMMARY)                                                           \
    {.name = #NAME, .summary = SUMMARY, .task = TASK_CLASSIFICATION, .maximize = MAXIMIZE,         \
     .of_classes = metric_##NAME}
#define VALUES(NAME, MAXIMIZE, SUMMARY)                                                            \
    {.name = #NAME, .summary = SUMMARY, .task = TASK_REGRESSION, .maximize = MAXIMIZE,             \
     .of_target = metric_##NAME}
    CLASSES(accuracy, true, "share of rows whose most probable class is right"),
    CLASSES(balanced_accuracy, true, "recall, averaged over the classes that occur"),
    CLASSES(f1_macro, true, "f1 of each class, averaged over the classes that occur"),
    CLASSES(f1, true, "harmonic mean of precision and recall; " LAST),
    CLASSES(precision, true, "share of right ones among the rows given the class; " LAST),
    CLASSES(recall, true, "share of the class's rows that were found; " LAST),
    CLASSES(mcc, true, "Matthews' correlation coefficient of the true and the predicted class"),
    CLASSES(roc_auc, true, "area under the ROC curve, each class against the rest; " LAST),
    CLASSES(average_precision, true, "area under the precision-recall curve; " LAST),
    CLASSES(log_loss, false, "mean of -log of the probability given to the right class"),
    CLASSES(brier, false, "mean squared error of the last of two classes' probability; of more "
            "classes, the sum"),
    VALUES(r2, true, "share of the target's variance that is explained"),
    VALUES(rmse, false, "root of the mean squared error, in the target's unit"),
    VALUES(mse, false, "mean squared error"),
    VALUES(mae, false, "mean absolute error, in the target's unit"),
    VALUES(median_ae, false, "median absolute error, in the target's unit"),
    VALUES(mape, false, "mean absolute error as a fraction of the target"),
    VALUES(explained_variance, true, "as r2, without counting an offset that all errors share"),
    VALUES(spearman, true, "Spearman's correlation of the ranks of target and prediction"),
#undef LAST
#undef CLASSES
#undef VALUES
};
/* clang-format on */

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

double metric_score_target(const struct metric *m, const struct metric_rows *r, size_t target)
{
    assert(m->task == TASK_REGRESSION && r->task == TASK_REGRESSION && target < r->n);
    return m->of_target(r, target);
}

double metric_score(const struct metric *m, const struct metric_rows *r)
{
    double sum = 0.0;

    assert(m->task == r->task);
    if (m->of_classes)
        return m->of_classes(r);
    for (size_t j = 0; j < r->n; j++)
        sum += m->of_target(r, j);
    return sum / (double)r->n;
}

void metric_score_all(const struct metric_rows *r, double *values)
{
    for (size_t i = 0; i < N_METRICS; i++)
        values[i] = metrics[i].task == r->task ? metric_score(metrics + i, r) : (double)NAN;
}
