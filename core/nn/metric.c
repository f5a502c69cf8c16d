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
    return m->of ? (size_t)(m->of - metrics) + (1 + m->target) * N_METRICS : (size_t)(m - metrics);
}

static bool has_single_targets(enum task task, size_t n)
{
    return task == TASK_REGRESSION && n > 1 && n <= METRIC_TARGETS_MAX;
}

size_t metric_numbers(enum task task, size_t n)
{
    return N_METRICS * (has_single_targets(task, n) ? 1 + n : 1);
}

const struct metric *metric_find(const char *name)
{
    for (size_t i = 0; i < N_METRICS; i++)
        if (strcmp(metrics[i].name, name) == 0)
            return metrics + i;
    return NULL;
}

static struct metric *make_single(const struct metric *m, size_t target, const char *name,
                                  struct arena *a)
{
    struct metric *single = arena_alloc(a, 1, sizeof *single);

    if (!single)
        return NULL;
    *single = *m;
    single->of = m;
    single->target = target;
    single->name = arena_printf(a, "%s:%s", m->name, name);
    return single->name ? single : NULL;
}

enum err metric_list_make(enum task task, const char *const *targets, size_t n_targets,
                          struct arena *a, struct metric_list *out, struct error *e)
{
    const struct metric **items =
        arena_alloc(a, metric_numbers(task, n_targets), sizeof *items); /* room enough */
    size_t n = 0, n_whole;

    if (!items)
        return error_no_memory(e);
    for (size_t i = 0; i < N_METRICS; i++)
        if (metrics[i].task == task)
            items[n++] = metrics + i;
    n_whole = n;
    for (size_t j = 0; has_single_targets(task, n_targets) && j < n_targets; j++)
        for (size_t i = 0; i < n_whole; i++) {
            items[n] = make_single(items[i], j, targets[j], a);
            if (!items[n++])
                return error_no_memory(e);
        }
    *out = (struct metric_list){n, items};
    return ERR_OK;
}

const struct metric *metric_list_find(const struct metric_list *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i]->name, name) == 0)
            return l->items[i];
    return NULL;
}

double metric_score_target(const struct metric *m, const struct metric_rows *r, size_t target)
{
    assert(m->task == TASK_REGRESSION && r->task == TASK_REGRESSION && target < r->n);
    return m->of_target(r, target);
}

/* Their mean; each by itself goes into every N_METRICS-th of `singles`, where that is wanted. */
static double score_targets(const struct metric *m, const struct metric_rows *r, double *singles)
{
    double sum = 0.0;

    for (size_t j = 0; j < r->n; j++) {
        double score = m->of_target(r, j);

        if (singles)
            singles[j * N_METRICS] = score;
        sum += score;
    }
    return sum / (double)r->n;
}

static double score(const struct metric *m, const struct metric_rows *r)
{
    if (m->of_classes)
        return m->of_classes(r);
    return m->of ? metric_score_target(m, r, m->target) : score_targets(m, r, NULL);
}

double metric_score(const struct metric *m, const struct metric_rows *r)
{
    assert(m->task == r->task);
    *metric_shared(r) = (struct metric_shared){.has_sums = false};
    return score(m, r);
}

void metric_score_all(const struct metric_rows *r, double *values)
{
    size_t n = metric_numbers(r->task, r->n);

    *metric_shared(r) = (struct metric_shared){.has_sums = false};
    for (size_t i = 0; i < n; i++)
        values[i] = (double)NAN;
    for (size_t i = 0; i < N_METRICS; i++) {
        const struct metric *m = metrics + i;

        if (m->task != r->task)
            continue;
        values[i] = m->of_classes
                        ? m->of_classes(r)
                        : score_targets(m, r, n > N_METRICS ? values + N_METRICS + i : NULL);
    }
}
