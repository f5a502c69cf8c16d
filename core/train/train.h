/*
 * One training: a configuration on one fold. It is an object that is not tied to a thread: it can
 * run to an epoch, be left alone, and go on later on another thread with the same bits.
 *
 * A result depends on (spec, fold data, seed, repeat, fold) alone: not on the kernel, the thread,
 * or the stops on the way. Different trainings may run at once; one training is used by one
 * thread at a time, which others may help (train_team). The fold data is shared read-only.
 *
 * An epoch is a pass over the training rows in batches; of lbfgs it is one outer iteration, a
 * direction and the passes over all rows that its line search takes. Dropout leaves out the same
 * values in all of them, and each goes into batch normalization's running statistics.
 */
#ifndef SWEEPD_CORE_TRAIN_TRAIN_H
#define SWEEPD_CORE_TRAIN_TRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/task.h"
#include "core/data/fold.h"
#include "core/linalg/kernel.h"
#include "core/linalg/team.h"
#include "core/nn/metric.h"
#include "core/nn/mlp.h"
#include "core/train/spec.h"

enum train_state {
    TRAIN_RUNNING,   /* epochs are left */
    TRAIN_COMPLETED, /* all epochs are done, or early stopping ended it */
    TRAIN_DIVERGED,  /* a loss is not finite; a result, not an error */
    TRAIN_CANCELLED  /* it was not wanted any more */
};

/* Borrowed from the training: valid until it runs on or is destroyed. */
struct train_result {
    enum train_state state;
    size_t epochs_run;
    size_t epochs;      /* the epoch scored: with early stopping the best one, else the last */
    const char *reason; /* of divergence: "loss is not finite in epoch 3; layer 2 is the first with
                           weights that are not finite"; else "" */
    size_t n_metrics;   /* metric_numbers() */
    /* By metric_index, after the epoch scored; train: all training rows, those set aside too. NaN
     * where undefined, of the other task, or where the training diverged or was cancelled. */
    const double *train, *validation;
    /* (epochs_run) each. Losses are mean data losses by row weight and class weight, without
     * penalties; the training loss is taken as the batches went by, by lbfgs at the weights after
     * the epoch (with its dropout). NaN where there are no validation rows. The learning rate is
     * that of the epoch's last step; lbfgs: the length of its step, 0 where it found none. */
    const double *train_loss, *validation_loss, *validation_score, *learning_rate;
    /* (epochs_run, n_layers): each epoch's last step; lbfgs: the gradient after it. */
    size_t n_layers;
    const struct mlp_statistics *layers;
    uint64_t weights_hash; /* 0 before the first epoch */
};

struct train;

/**
 * Sets up a training; everything it will ever need is allocated here.
 *
 * s        copied
 * d        borrowed until train_destroy
 * decides  the metric whose validation score the curve shows
 *
 * Errors   ERR_NO_MEMORY; ERR_INVALID: the loss does not fit the task, there are no rows,
 *          batch_norm with batches of one row, rows that cannot be set aside
 */
enum err train_create(const struct spec *s, const struct fold_data *d, const struct kernel *k,
                      const struct metric *decides, uint64_t seed, uint32_t repeat, uint32_t fold,
                      struct train **out, struct error *e);
void train_destroy(struct train *t);

/** Asked before each batch, by lbfgs before each evaluation; false ends the training as cancelled.
 * Has to be quick. */
typedef bool train_wanted(void *ctx);

/**
 * Trains on until `epoch` epochs are done in all (or the spec's number, if that is fewer), then
 * scores both parts. Running to 10 and then to 30 is the same as running to 30. A training that
 * has ended stays as it is. Allocates nothing.
 *
 * wanted  may be NULL
 */
enum train_state train_run_to(struct train *t, size_t epoch, train_wanted *wanted, void *ctx);

/** Sets the epoch that group_run takes it to; at first the last one of its spec. */
void train_set_goal(struct train *t, size_t epoch);

/**
 * The team that others may join while train_run_to runs, to help; the result stays the same. NULL
 * where the network is too small for that. It belongs to the training, and is closed at first.
 */
struct team *train_team(const struct train *t);

const struct train_result *train_result(const struct train *t);

/**
 * The validation predictions after the epoch scored: probabilities, or values in the target's
 * own unit.
 *
 * out  (n_validation, n_outputs), row-major
 */
void train_predictions(const struct train *t, float *out);

/** Memory that train_create takes for so many rows, training and validation together. */
size_t train_bytes(const struct spec *s, enum task task, size_t n_features, size_t n_outputs,
                   size_t rows);

/** Weights and biases of the network. n_outputs: classes or targets, as in fold_data. */
size_t train_weight_count(const struct spec *s, enum task task, size_t n_features,
                          size_t n_outputs);

/**
 * An estimate of the whole training in multiply-adds, with the costs that do not shrink with the
 * network included: to order trainings, and to foretell times in proportion.
 */
double train_work(const struct spec *s, enum task task, size_t n_features, size_t n_outputs,
                  size_t n_train, size_t n_validation);

#endif
