/*
 * Learning-rate schedules: pure functions of the step, in double precision, with PyTorch's
 * conventions where PyTorch has them. Epochs and steps count from 0; T is the number of all
 * steps and t the step's number among them.
 *
 *     constant       base
 *     step           base decay^(epoch / step_epochs, rounded down)
 *     exponential    base decay^epoch
 *     inverse_time   base / (1 + decay epoch)
 *     cosine         from base to final_fraction base: half a wave over T steps
 *     warmup_cosine  linear over the first W = warmup_fraction T steps (rounded down), the last of
 *                    them at base; then cosine over the other T - W
 *     one_cycle      half a wave from base / 25 up to base over warmup_fraction T steps, then half
 *                    a wave down to base / 25 / 10000 at the last step; momentum is not cycled
 *     plateau        base: what lowers it is how training goes, so train.c multiplies
 *
 * Source  torch.optim.lr_scheduler: StepLR, ExponentialLR, CosineAnnealingLR, LinearLR, OneCycleLR;
 *         Loshchilov and Hutter 2017; Smith and Topin 2018
 */
#ifndef SWEEPD_CORE_NN_SCHEDULE_H
#define SWEEPD_CORE_NN_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>

/* The order is that of the names in core/train/hyper_words.c. */
enum schedule {
    SCHEDULE_CONSTANT,
    SCHEDULE_STEP,
    SCHEDULE_EXPONENTIAL,
    SCHEDULE_INVERSE_TIME,
    SCHEDULE_COSINE,
    SCHEDULE_WARMUP_COSINE,
    SCHEDULE_ONE_CYCLE,
    SCHEDULE_PLATEAU
};

enum { SCHEDULE_COUNT = SCHEDULE_PLATEAU + 1 };

/* Members that the kind does not use are not read. */
struct schedule_spec {
    enum schedule kind;
    size_t step_epochs; /* at least 1 */
    double decay;
    double final_fraction;
    double warmup_fraction; /* of all steps, 0 to 1 */
};

/**
 * The learning rate of one step.
 *
 * step    in its epoch, below steps_per_epoch
 * epochs  of the whole training, above epoch; at least 1
 */
double schedule_rate(const struct schedule_spec *s, double base, size_t epoch, size_t step,
                     size_t steps_per_epoch, size_t epochs);

/** True where the rate depends on how many epochs there will be. */
bool schedule_knows_horizon(enum schedule kind);

#endif
