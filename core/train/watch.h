/*
 * What the loss of the rows set aside decides after each epoch: which epoch is the best, when
 * patience has run out, and when the plateau schedule lowers the learning rate.
 */
#ifndef SWEEPD_CORE_TRAIN_WATCH_H
#define SWEEPD_CORE_TRAIN_WATCH_H

#include <stdbool.h>
#include <stddef.h>

struct watch {
    double best;       /* the lowest loss so far */
    size_t best_epoch; /* its first epoch, from 1; 0: none yet */
    /* plateau: PyTorch counts an epoch as better by its own measure */
    double plateau_best;
    size_t plateau_bad; /* epochs in a row that were not better */
    double rate_factor; /* of the learning rate of the next epoch */
};

void watch_start(struct watch *w);

/** Takes an epoch's loss; true where it is the lowest of all so far. */
bool watch_best(struct watch *w, size_t epoch, double loss);

/** True where so many epochs have passed since the best one. */
bool watch_is_over(const struct watch *w, size_t epoch, size_t patience);

/**
 * Multiplies rate_factor by `decay` after more than `patience` epochs in a row whose loss was not
 * below the best one by a ten-thousandth of it.
 *
 * Source  torch.optim.lr_scheduler.ReduceLROnPlateau: threshold 1e-4, relative; no cooldown
 */
void watch_plateau(struct watch *w, double loss, double decay, size_t patience);

#endif
