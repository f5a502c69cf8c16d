/*
 * One fold of one repeat, ready for training: encoded, scaled, as float32. Made once by
 * core/data/prepare.h and shared read-only by every trial that trains on it.
 *
 * Everything in it was fitted on the training rows alone.
 */
#ifndef SWEEPD_CORE_DATA_FOLD_H
#define SWEEPD_CORE_DATA_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/task.h"

/* n = n_train + n_validation rows, the training rows first. */
struct fold_data {
    enum task task;
    size_t n_train, n_validation;
    size_t n_features;         /* encoded columns, d */
    size_t stride;             /* floats from row to row of x: d rounded up to 16 */
    size_t n_outputs;          /* classes, or regression targets, o */
    const float *x;            /* (n, stride), 64-byte aligned, padding columns zero */
    const int32_t *classes;    /* (n), 0 .. o-1; NULL for regression */
    const float *y;            /* (n, o), the scaled target; NULL for classification */
    const double *target;      /* (n, o), the target in its own unit; NULL for classification */
    const double *target_mean; /* (o): target = target_mean + target_scale * y */
    const double *target_scale;
    const float *weight; /* (n), or NULL where all rows weigh one */
    const uint32_t *row; /* (n), the table's row; ascending in each of the two parts, or in order
                            of time where `ordered` (sealed rows: ascending) */
    /*
     * (n), for a further cut of the training rows: rows with the same number stay together (one
     * group, or equal features unless a twentieth of all rows would be; where `ordered`, one time).
     * NULL where each row stands for itself.
     */
    const uint32_t *unit;
    bool ordered; /* rows are in order of time, and so `unit` ascends: cut off the last ones */
};

#endif
