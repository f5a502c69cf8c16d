/*
 * Scaling of one column of numbers, fitted on some of them and applied to any.
 */
#ifndef SWEEPD_CORE_DATA_SCALING_H
#define SWEEPD_CORE_DATA_SCALING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

enum scaling_kind {
    SCALING_STANDARD, /* mean 0, standard deviation 1 (divided by n) */
    SCALING_NONE,
    SCALING_MINMAX,  /* to [0, 1] */
    SCALING_ROBUST,  /* median 0, interquartile range 1 */
    SCALING_QUANTILE /* ranks to a normal distribution, 5.2 deviations at most */
};

/* Quantiles kept, or as many as there are numbers. */
enum { SCALING_QUANTILES_MAX = 1000 };

/* Columns whose fit takes hardly longer than that of one. */
enum { SCALING_ABREAST = 4 };

/* Zero-initialise; scaling_finish frees it. */
struct scaling {
    enum scaling_kind kind;
    double shift, scale; /* (x - shift) / scale; quantile: 0 and 1 */
    size_t n_quantiles;
    double *quantiles; /* quantile, else NULL: at equal steps from the least to the greatest */
};

/**
 * Fits n >= 1 numbers, none of them NaN, which it may reorder.
 *
 * Where all are equal they become 0, and others keep their distance; quantile: others are as far
 * out as can be. So it is too where a robust scaling meets an interquartile range of 0.
 *
 * Source  scikit-learn's StandardScaler, MinMaxScaler, RobustScaler and QuantileTransformer
 *         (output_distribution "normal", subsample None). There a range below 2e-15 is 0, numbers
 *         within 1e-7 of an end are at the end, and a constant column's quantile is -5.2
 */
enum err scaling_fit(enum scaling_kind kind, double *x, size_t n, struct scaling *out,
                     struct error *e);

/**
 * scaling_fit for n_columns columns one behind the other: x (n_columns, n). Fastest are
 * SCALING_ABREAST of them. Zero-initialise `out`; also after a failure all of it is to be finished.
 */
enum err scaling_fit_columns(enum scaling_kind kind, double *x, size_t n, size_t n_columns,
                             struct scaling *out, struct error *e);
void scaling_finish(struct scaling *s);

/** Not finite where the numbers fitted have sums or differences beyond double. */
double scaling_apply(const struct scaling *s, double x);

/**
 * scaling_apply for many: x[row[i]], or `missing` where that is NaN, for i from 0 to n - 1, as
 * floats. False where one of them is not finite.
 */
bool scaling_apply_rows(const struct scaling *s, const double *x, const uint32_t *row, size_t n,
                        double missing, float *out);

/* Names as the API writes them: "standard", "quantile". */
const char *scaling_name(enum scaling_kind kind);
bool scaling_find(const char *name, enum scaling_kind *out);

#endif
