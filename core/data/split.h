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

enum split_kind { SPLIT_KFOLD, SPLIT_STRATIFIED_KFOLD, SPLIT_PREDEFINED, SPLIT_HOLDOUT };

struct split_spec {
    enum split_kind kind;
    uint32_t n_folds;       /* kfold, stratified_kfold: 2 or more */
    uint32_t n_repeats;     /* 1 or more */
    bool shuffle;           /* without it kfold cuts blocks and holdout takes the last rows */
    double test_fraction;   /* holdout: above 0, below 1 */
    double sealed_fraction; /* of the rows that are not `test`; 0: only the `test` rows */
    uint64_t seed;
};

struct split {
    size_t n_rows;
    uint32_t n_folds, n_repeats;
    uint16_t *fold; /* (n_repeats, n_rows): the fold that a row validates, or one of the above */
    size_t n_sealed;
    size_t n_warnings;
    char **warnings;
};

/**
 * Cuts the rows.
 *
 * Rows with equal features stay together (not in predefined folds), unless there are so many of
 * them that folds cannot be balanced; then a warning says so. Strata are the classes, or
 * quantiles of the first target; without duplicates each stratum and each fold is balanced to
 * within one row. A `split` column's test rows are sealed whatever the kind.
 *
 * Errors  ERR_INVALID with e->field "folds", "repeats", "test_fraction", "sealed" or "kind"
 */
enum err split_create(const struct table *t, const struct split_spec *spec, struct split **out,
                      struct error *e);
void split_destroy(struct split *s);

/** The plan of one repeat, counted from 0: (n_rows). */
const uint16_t *split_repeat(const struct split *s, uint32_t repeat);

/** Rows of the training and the validation part; repeat from 0, fold from 1. */
void split_count(const struct split *s, uint32_t repeat, uint32_t fold, size_t *n_train,
                 size_t *n_validation);

const char *split_kind_name(enum split_kind kind);
bool split_kind_find(const char *name, enum split_kind *out);

/** kfold, … of this build, in the enum's order, NULL at the end. */
const char *const *split_kind_names(void);

#endif
