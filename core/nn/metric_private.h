/*
 * What the metrics share. Nobody else includes it.
 */
#ifndef SWEEPD_CORE_NN_METRIC_PRIVATE_H
#define SWEEPD_CORE_NN_METRIC_PRIVATE_H

#include "core/nn/metric.h"

static inline double metric_weight(const struct metric_rows *r, size_t i)
{
    return r->weight ? (double)r->weight[i] : 1.0;
}

/* What sorting takes: a value, and where it comes from. */
struct metric_item {
    double value;
    size_t row;
};

/** One number per row, to be sorted. */
typedef double metric_value(const struct metric_rows *r, size_t row, size_t j);

/**
 * Rows that weigh anything, by value(r, row, j); equal values in the order of rows. False where a
 * value is not a number.
 *
 * *items  valid until the next sort of the same rows
 * *n      how many there are
 */
bool metric_sort(const struct metric_rows *r, metric_value *value, size_t j,
                 const struct metric_item **items, size_t *n);

/* What several metrics of the same rows are made from, so that it is computed once. */
struct metric_shared {
    bool has_sums;  /* metric_class_sums */
    bool has_areas; /* under both curves of the order by probability */
    double roc_auc, average_precision;
};

/* Parts of the work memory beside the sort's. */
struct metric_shared *metric_shared(const struct metric_rows *r); /* cleared where scoring begins */
double *metric_class_sums(const struct metric_rows *r);           /* (3, n) */
double *metric_ranks(const struct metric_rows *r); /* (2, rows); not together with the former */

double metric_accuracy(const struct metric_rows *r);
double metric_balanced_accuracy(const struct metric_rows *r);
double metric_f1_macro(const struct metric_rows *r);
double metric_f1(const struct metric_rows *r);
double metric_precision(const struct metric_rows *r);
double metric_recall(const struct metric_rows *r);
double metric_mcc(const struct metric_rows *r);
double metric_roc_auc(const struct metric_rows *r);
double metric_average_precision(const struct metric_rows *r);
double metric_log_loss(const struct metric_rows *r);
double metric_brier(const struct metric_rows *r);

double metric_r2(const struct metric_rows *r, size_t j);
double metric_rmse(const struct metric_rows *r, size_t j);
double metric_mse(const struct metric_rows *r, size_t j);
double metric_mae(const struct metric_rows *r, size_t j);
double metric_median_ae(const struct metric_rows *r, size_t j);
double metric_mape(const struct metric_rows *r, size_t j);
double metric_explained_variance(const struct metric_rows *r, size_t j);
double metric_spearman(const struct metric_rows *r, size_t j);

#endif
