/*
 * Preprocessing of one fold: imputation, one-hot encoding, scaling, all fitted on its training
 * rows alone.
 */
#ifndef SWEEPD_CORE_DATA_PREPARE_H
#define SWEEPD_CORE_DATA_PREPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/data/fold.h"
#include "core/data/scaling.h"
#include "core/data/split.h"
#include "core/data/table.h"
#include "core/linalg/team.h"

enum prepare_impute { PREPARE_MEAN, PREPARE_MEDIAN };

struct prepare_spec {
    enum scaling_kind scaling;  /* of numeric columns; one-hot and indicators stay 0 and 1 */
    enum prepare_impute impute; /* of numbers; categories take the most frequent */
    bool missing_indicator;     /* one more column, after its own, where the table misses a value */
    size_t max_categories;      /* 0: the table's own */
};

/**
 * Prepares a fold.
 *
 * repeat, fold   from 0 and from 1; or 0 and SPLIT_REFIT
 * team           of the caller's, open to helpers, or NULL; the result stays the same
 *
 * Columns follow the table's order. A category that the training rows do not have is all zeros,
 * or `other` where the training rows have some of those (its last column); an indicator of missing
 * values is all zeros where the training rows miss none. Targets of a regression are scaled to mean
 * 0 and standard deviation 1, each by itself, whatever the scaling.
 *
 * Errors  ERR_INVALID where a part has no rows, or a number is too large for float32
 */
enum err prepare_fold(const struct table *t, const struct split *s, uint32_t repeat, uint32_t fold,
                      const struct prepare_spec *spec, struct team *team, struct fold_data **out,
                      struct error *e);
void fold_data_destroy(struct fold_data *d);

/** Memory held. */
size_t fold_data_bytes(const struct fold_data *d);

/** Encoded columns of every fold, indicators included. */
size_t prepare_features(const struct table *t, const struct prepare_spec *spec);

/* Names as the API writes them: "mean", "median". */
const char *prepare_impute_name(enum prepare_impute impute);
bool prepare_impute_find(const char *name, enum prepare_impute *out);

#endif
