/*
 * The fold plan: which rows a model is judged on, in each repeat. It depends on the table, the
 * spec and the seed alone.
 */
#ifndef SWEEPD_CORE_DATA_SPLIT_H
#define SWEEPD_CORE_DATA_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/data/table.h"

enum { SPLIT_FOLDS_MAX = 10000, SPLIT_REPEATS_MAX = 10000 };

/* Values of a plan beside the folds 1 .. n_folds. */
enum { SPLIT_TRAIN_ONLY = 0, SPLIT_SEALED = 0xffff };

/* Stands for a fold where a function takes one: every row that is not sealed trains, and the sealed
 * rows are judged. Its repeat is 0. */
enum { SPLIT_REFIT = 0 };

enum split_kind {
    SPLIT_KFOLD,
    SPLIT_STRATIFIED_KFOLD,
    SPLIT_GROUP_KFOLD,
    SPLIT_STRATIFIED_GROUP_KFOLD,
    SPLIT_TIME_SERIES,
    SPLIT_PREDEFINED,
    SPLIT_LEAVE_ONE_GROUP_OUT,
    SPLIT_SHUFFLE_SPLIT,
    SPLIT_LEAVE_ONE_OUT,
    SPLIT_HOLDOUT
};

/* Members of the spec that a kind may use: bits. */
enum {
    SPLIT_USES_FOLDS = 1,
    SPLIT_USES_REPEATS = 2,
    SPLIT_USES_SHUFFLE = 4,
    SPLIT_USES_TEST_FRACTION = 8,
    SPLIT_USES_GAP = 16
};

/* A kind looks at no member that it does not use, but repeats must be 1 then. */
struct split_spec {
    enum split_kind kind;
    uint32_t n_folds;       /* 2 or more; shuffle_split: how many splits */
    uint32_t n_repeats;     /* 1 or more */
    bool shuffle;           /* without it kfold cuts blocks and holdout takes the last rows */
    double test_fraction;   /* above 0, below 1 */
    double sealed_fraction; /* of the rows that are not `test`; 0: only the `test` rows */
    uint64_t seed;
    size_t gap; /* rows in time before each validation part that are left out of training */
};

struct split {
    size_t n_rows;
    uint32_t n_folds, n_repeats;
    uint16_t *fold; /* (n_repeats, n_rows): the fold that a row validates, or one of the above */
    uint32_t *unit; /* (n_rows): see fold_data; of sealed rows without meaning */
    /* Of a time series, else NULL: */
    uint32_t *order;     /* (n_rows - n_sealed): rows in order of time */
    uint32_t *train_end; /* (n_folds): each trains on units below this one */
    size_t n_sealed;
    size_t n_warnings;
    char **warnings;
};

/* What a row is to one fold. */
enum split_part { SPLIT_TRAIN, SPLIT_VALIDATION, SPLIT_UNUSED };

/**
 * Cuts the rows.
 *
 * Rows with equal features stay together, unless there are so many of them that folds cannot be
 * balanced; then a warning says so. Strata are the classes, or quantiles of the first target;
 * without duplicates each stratum and each fold is balanced to within one row. A `split` column's
 * test rows are sealed whatever the kind.
 *
 * group_kfold, stratified_group_kfold   groups are whole in folds and in the sealed part; folds
 *                     differ by no more rows than the largest group has, or strata are as even as
 *                     whole groups allow. Groups that share equal rows stay together
 * leave_one_group_out a fold for each group, in the order of its labels
 * time_series         rows in order of time, ties by row, are cut into n_folds + 1 blocks of equal
 *                     length, the first one taking what is left over; fold k validates block k + 1
 *                     and trains on all before it but the last `gap` rows. Cuts move to where the
 *                     time changes. Sealed rows are the latest
 * shuffle_split       n_folds times a holdout: each split is a repeat of one fold
 * leave_one_out       a fold for each row
 *
 * Equal features do not count in leave_one_group_out, time_series, leave_one_out and predefined:
 * there something else says where a row belongs.
 *
 * Errors  ERR_INVALID with e->field "folds", "repeats", "test_fraction", "gap", "sealed", "kind"
 */
enum err split_create(const struct table *t, const struct split_spec *spec, struct split **out,
                      struct error *e);
void split_destroy(struct split *s);

/** The plan of one repeat, counted from 0: (n_rows). */
const uint16_t *split_repeat(const struct split *s, uint32_t repeat);

/** Repeat from 0, fold from 1, or SPLIT_REFIT. Unused are sealed rows, and what is not before a
 * validation part. */
enum split_part split_part(const struct split *s, uint32_t repeat, uint32_t fold, size_t row);

/** Rows of the training and the validation part. */
void split_count(const struct split *s, uint32_t repeat, uint32_t fold, size_t *n_train,
                 size_t *n_validation);

/** SPLIT_USES_… of a kind. */
unsigned split_kind_uses(enum split_kind kind);

/** The column a kind cannot do without: ROLE_GROUP, ROLE_TIME, ROLE_FOLD; else ROLE_FEATURE. */
enum column_role split_kind_needs(enum split_kind kind);

const char *split_kind_name(enum split_kind kind);
bool split_kind_find(const char *name, enum split_kind *out);

/** kfold, … of this build, in the enum's order, NULL at the end. */
const char *const *split_kind_names(void);

/** One line for a person. */
const char *split_kind_summary(enum split_kind kind);

#endif
