/*
 * Metrics: what a prediction is worth, in double precision and in the order of rows, as
 * scikit-learn defines them (Spearman's correlation: SciPy). One table of them all.
 *
 * Weights     every metric takes the rows' weights; a row of weight 0 is as if it were not there.
 *             Spearman's ranks are those of the rows by themselves; their correlation is weighted.
 * Classes     the predicted class is the most probable one, of equals the first. For two classes
 *             precision, recall, f1, roc_auc and average_precision are of the last class; for more
 *             they are the mean over classes, each against all others: precision, recall and f1
 *             over those that occur in the truth or among the predictions.
 * Targets     of several targets, the mean; each by itself is a metric of its own in metric_list.
 * Undefined   is NaN: a mean over no rows, 0/0 because of the truth (no row of a class, a target
 *             that does not vary), a prediction that is not a number where rows are sorted. Where
 *             the predictions are to blame, it is what the two libraries say: 0 for the precision
 *             of a class that was never predicted and for mcc, NaN for spearman.
 */
#ifndef SWEEPD_CORE_NN_METRIC_H
#define SWEEPD_CORE_NN_METRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/base/task.h"

/* Predictions beside the truth. */
struct metric_rows {
    enum task task;
    size_t rows;
    size_t n;               /* classes, or targets */
    const float *predicted; /* (rows, n): probabilities, or values */
    const double *offset;   /* (n): a value is offset + factor * predicted; NULL for classes */
    const double *factor;   /* (n) */
    const int32_t *classes; /* (rows); NULL for regression */
    const double *target;   /* (rows, n), in its own unit; NULL for classes */
    const float *weight;    /* (rows), or NULL where all rows weigh one */
    void *work;             /* metric_work_bytes(rows, n), aligned to 16; overwritten */
};

struct metric {
    const char *name;
    const char *summary; /* one line for a person */
    enum task task;
    bool maximize;
    double (*of_classes)(const struct metric_rows *r);          /* NULL for regression */
    double (*of_target)(const struct metric_rows *r, size_t j); /* NULL for classification */
    const struct metric *of; /* one target's alone: the metric of the table; else NULL */
    size_t target;           /* where `of` is set */
};

/* The metrics of some data: those of its task, and of several targets each metric of each. */
struct metric_list {
    size_t n;
    const struct metric *const *items;
};

enum {
    METRIC_MAX = 64,         /* room for one number per metric of the table */
    METRIC_TARGETS_MAX = 100 /* of more targets there are only means */
};

size_t metric_count(void);

/** The i-th metric of the table, i < metric_count(). */
const struct metric *metric_at(size_t i);

/** The metric's place among the numbers of metric_score_all; in the table, if it is from there. */
size_t metric_index(const struct metric *m);

/** The metric of the table; NULL where the name is unknown. */
const struct metric *metric_find(const char *name);

/**
 * The task's metrics in table order; then, of several targets, those of the first target by
 * itself, "r2:NAME", those of the second, and so on. It lives as long as a.
 *
 * targets  (n_targets) names; of a classification none
 */
enum err metric_list_make(enum task task, const char *const *targets, size_t n_targets,
                          struct arena *a, struct metric_list *out, struct error *e);

/** NULL where the list has no metric of that name. */
const struct metric *metric_list_find(const struct metric_list *l, const char *name);

/** Scratch memory that scoring so many rows of so many classes or targets takes. */
size_t metric_work_bytes(size_t rows, size_t n);

/** Numbers that metric_score_all gives of so many classes or targets. */
size_t metric_numbers(enum task task, size_t n);

/** The score of rows of the metric's task. Sorts at most; allocates nothing. */
double metric_score(const struct metric *m, const struct metric_rows *r);

/** The score of one target by itself; a metric of regression. */
double metric_score_target(const struct metric *m, const struct metric_rows *r, size_t target);

/** All metrics of the rows' task into values[metric_index], (metric_numbers); NaN for the other
 * task's. */
void metric_score_all(const struct metric_rows *r, double *values);

#endif
