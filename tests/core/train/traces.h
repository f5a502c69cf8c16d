/*
 * Trainings of many kinds and all that they leave behind, to be compared bit for bit.
 */
#ifndef SWEEPD_TESTS_CORE_TRAIN_TRACES_H
#define SWEEPD_TESTS_CORE_TRAIN_TRACES_H

#include "core/train/train.h"

enum { TRACES_SPECS = 40, TRACES_FOLDS = 5, TRACES_EPOCHS = 3 };

/* What a training leaves behind. */
struct trace {
    uint64_t hash;
    double train_loss[TRACES_EPOCHS], validation_loss[TRACES_EPOCHS];
    double validation_score[TRACES_EPOCHS];
    double metrics[2][5 * METRIC_MAX]; /* four targets by themselves too */
};

struct traces_folds {
    struct fold_data *data[TRACES_FOLDS];
};

struct traces_folds traces_folds_make(void);
void traces_folds_finish(struct traces_folds *f);

/** Trains the i-th of TRACES_SPECS configurations. */
void traces_run(const struct kernel *k, const struct traces_folds *f, size_t i, struct trace *out);

#endif
