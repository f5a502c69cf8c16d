/*
 * Rows set aside inside the training part of a fold: early stopping and the plateau schedule watch
 * them, so that the validation rows, which give the score, decide nothing.
 */
#ifndef SWEEPD_CORE_TRAIN_HOLDOUT_H
#define SWEEPD_CORE_TRAIN_HOLDOUT_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/data/fold.h"

/**
 * Sets about `fraction` of the training rows aside. Rows of one unit (fold.h) stay together; each
 * class gives its share as far as units allow and keeps at least one unit to train on; where the
 * fold is ordered the last units go. The draw is the stream (seed, repeat, fold, RNG_HOLDOUT, 0):
 * it holds no configuration, and all trials of an experiment set the same rows aside.
 *
 * rows     (n_train): first the rows to train on, then those set aside, each ascending
 * n_kept   rows to train on
 *
 * Errors   ERR_NO_MEMORY; ERR_INVALID: the rows cannot be cut in two
 */
enum err holdout_split(const struct fold_data *d, double fraction, uint64_t seed, uint32_t repeat,
                       uint32_t fold, uint32_t *rows, size_t *n_kept, struct error *e);

#endif
