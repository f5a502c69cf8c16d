/*
 * The running of a group (group.h) whose trainings are known to fit, in lanes; for group.c alone.
 */
#ifndef SWEEPD_CORE_TRAIN_TOGETHER_H
#define SWEEPD_CORE_TRAIN_TOGETHER_H

#include "core/linalg/lanes.h"
#include "core/train/group.h"

/**
 * Runs trainings of one shape, with the same steps of an epoch, to their goals.
 *
 * n       at most the lanes
 * Errors  ERR_NO_MEMORY: none of them has begun
 */
enum err train_together(struct train *const *trainings, size_t n, const struct lanes *lanes,
                        train_wanted *wanted, group_ended *ended, void *ctx, struct error *e);

#endif
