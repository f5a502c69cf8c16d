/*
 * Metrics: what a prediction is worth, in double precision and in the order of rows, as
 * scikit-learn defines them. One table; a metric that is undefined on the given rows is NaN.
 */
#ifndef SWEEPD_CORE_NN_METRIC_H
#define SWEEPD_CORE_NN_METRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
};

struct metric {
    const char *name;
    const char *summary; /* one line for a person */
    enum task task;
    bool maximize;
    double (*score)(const struct metric_rows *r); /* of rows of this task */
};

enum { METRIC_MAX = 64 }; /* room for one number per metric */

size_t metric_count(void);

/** The i-th metric of the table, i < metric_count(). */
const struct metric *metric_at(size_t i);

/** The metric's place in the table. */
size_t metric_index(const struct metric *m);

/** NULL where the name is unknown. */
const struct metric *metric_find(const char *name);

/** All metrics of the rows' task into values[metric_index]; NaN for the other task's. */
void metric_score_all(const struct metric_rows *r, double *values);

#endif
