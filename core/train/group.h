/*
 * Trainings side by side: narrow networks of one shape fill the lanes of the vectors together
 * (core/nn/mlp_lanes.h). Each training ends with the same result as alone, bit for bit; folds,
 * repeats, seeds and all that is no part of the shape may differ.
 *
 * Not for this, and trained one after another: lbfgs, dropout, batch normalization, clipping, l1,
 * batches of more than a block, networks that are wide or have many inputs (mlp_lanes_fits), and
 * trainings that differ in the steps of an epoch or in the epochs that they have done.
 */
#ifndef SWEEPD_CORE_TRAIN_GROUP_H
#define SWEEPD_CORE_TRAIN_GROUP_H

#include "core/train/train.h"

enum { GROUP_MOST = 16 }; /* trainings that fill a group */

/**
 * Equal for trainings on folds of one table that are likely to fit together; 0: better alone.
 * That they do fit is found out by group_run.
 */
uint64_t group_key(const struct spec *s, enum task task, size_t n_features, size_t n_outputs);

/** Fewer trainings than this are as fast one after another. */
size_t group_least(const struct spec *s, enum task task, size_t n_outputs, const struct kernel *k);

/** Told of each training as soon as it has ended or reached its goal, and may destroy it. */
typedef void group_ended(void *ctx, struct train *t);

/**
 * Runs trainings to their goals, as train_run_to each: those that fit side by side, the others
 * alone, and alone, too, if memory is short. They are of one kernel, and none has ended.
 *
 * n       any number; 1 to GROUP_MOST make sense
 * wanted  asked for all of them at once; may be NULL
 * ended   may be NULL
 */
void group_run(struct train *const *trainings, size_t n, train_wanted *wanted, group_ended *ended,
               void *ctx);

#endif
