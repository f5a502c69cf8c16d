/*
 * Small folds made from random numbers, for tests of training. They own their arrays.
 */
#ifndef SWEEPD_TESTS_CORE_TRAIN_FOLDS_H
#define SWEEPD_TESTS_CORE_TRAIN_FOLDS_H

#include <stdbool.h>

#include "core/data/fold.h"

/** Classes around centres of their own; a quarter of the rows more for validation. */
struct fold_data *folds_blobs(size_t n_train, size_t n_features, size_t n_classes, bool weighted);

/** Targets that are linear in the features, in units of 100 around 1000. */
struct fold_data *folds_linear(size_t n_train, size_t n_features, size_t n_targets);

/** The four rows of exclusive or, for training and for validation. */
struct fold_data *folds_xor(void);

void folds_destroy(struct fold_data *d);

#endif
