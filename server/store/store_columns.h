/*
 * An experiment's trials as columns, and what has changed of them: for plots.
 */
#ifndef SWEEPD_SERVER_STORE_STORE_COLUMNS_H
#define SWEEPD_SERVER_STORE_STORE_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/base/value.h"
#include "server/store/store.h"

struct column_row {
    int64_t trial;
    const char *state;
    const char *reason; /* NULL: none */
    double score, score_std, score_sem, train_mean;
    int64_t folds_done;
    int64_t weight_count; /* -1: no network */
    double seconds;
};

/* A hyperparameter. */
struct column_param {
    const char *name;
    struct value *values; /* (n) as in rows; VALUE_NONE where a trial has none */
};

struct columns {
    size_t n;
    struct column_row *rows; /* (n) in order of trials */
    size_t n_params;
    struct column_param *params;
    int64_t change; /* what these rows were read after: the next `since` */
    bool more;      /* the limit has cut them short */
};

/**
 * The trials that ended after the change `since` (0: all that ended), and those that are queued or
 * running, whose change nobody counts.
 *
 * limit  of trials that ended
 */
enum err store_columns_read(struct reader *r, int64_t experiment, int64_t since, int64_t limit,
                            struct arena *a, struct columns *out, struct error *e);

#endif
