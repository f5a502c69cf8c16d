/*
 * Folds: the unit of durability. A fold's row exists once it is finished and never changes, but
 * for that of a fold that a pruner cut: one that was trained to its end takes its place.
 */
#ifndef SWEEPD_SERVER_STORE_STORE_FOLD_H
#define SWEEPD_SERVER_STORE_STORE_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/nn/mlp.h"
#include "server/store/store.h"

struct fold_metric {
    const char *metric;
    double train, validation; /* NaN: undefined */
};

/* Per epoch, JSON arrays of numbers or null; NULL where there is no such curve. */
struct fold_curves {
    const char *train_loss, *validation_loss, *validation_score, *learning_rate;
    const char *layers; /* an object of such arrays for each layer: store_fold_layers_text */
};

/* States: completed, failed. */
struct fold_record {
    int64_t experiment, trial;
    int64_t repeat, fold; /* from 1 */
    const char *state;
    bool cut; /* it is completed as far as it came: a pruner stopped it before its last epoch */
    int64_t epochs, epochs_run; /* the epoch scored, the epochs trained */
    double seconds;
    const char *error;        /* a sentence; NULL if all is well */
    const char *warnings;     /* JSON array of strings; NULL: [] */
    const char *weights_hash; /* of the final weights, hexadecimal; NULL: none */
    const char *engine;       /* version of the training core */
    const char *kernel;       /* that computed it, as in "avx2" */
    int64_t finished_at_ms;
    int64_t started_at_ms; /* of its trial, which runs from then on if it did not; 0: it runs.
                              Only store_fold_insert reads it */
    int64_t reused_experiment, reused_trial; /* where it was trained; 0: here */
    size_t n_metrics;
    struct fold_metric *metrics;
    struct fold_curves curves; /* only store_fold_curves and store_fold_find read them */
};

/**
 * Stores a finished fold and counts it in its trial. The same result again is no error and changes
 * nothing; what may differ is seconds, engine, kernel, finished_at and where it was trained.
 *
 * Errors  ERR_CONFLICT   another result of this fold is stored, or the trial has ended; one that
 * was pruned may get more ERR_NOT_FOUND  the trial does not exist
 */
enum err store_fold_insert(struct store *s, const struct fold_record *record, struct error *e);

/** A trial's folds in order of (repeat, fold), without curves. */
enum err store_fold_list(struct reader *r, int64_t experiment, int64_t trial, struct arena *a,
                         size_t *n, struct fold_record **out, struct error *e);

/** A trial's folds in the same order: only repeat, fold, state, cut, epochs and curves are set. */
enum err store_fold_curves(struct reader *r, int64_t experiment, int64_t trial, struct arena *a,
                           size_t *n, struct fold_record **out, struct error *e);

/* What a pruner knows of a fold. */
struct fold_score {
    int64_t trial, repeat, fold;
    bool cut;
    double score; /* of one metric on the validation part; NaN where undefined or the fold failed */
};

/** The score of every fold of an experiment, in order of (trial, repeat, fold). */
enum err store_fold_scores(struct reader *r, int64_t experiment, const char *metric,
                           struct arena *a, size_t *n, struct fold_score **out, struct error *e);

/* What a fold's result depends on, and who asks for it. */
struct fold_content {
    const char *configuration_key; /* of the trial */
    int64_t repeat, fold;
    const char *engine;        /* of this version only */
    int64_t experiment, trial; /* other than this one */
};

/**
 * A stored fold with this content, not a cut one, of the lowest experiment and trial that has one: all of it, as
 * it was stored there. Failed ones only where the loss diverged. *found is false where there is
 * none.
 */
enum err store_fold_find(struct reader *r, const struct fold_content *content, struct arena *a,
                         struct fold_record *out, bool *found, struct error *e);

/** Appends a curve as it is stored: "[0.693147181,null]", nine digits, NaN and infinity as null. */
void store_fold_curve_text(const double *x, size_t n, struct buf *out);

/** Reads the numbers of a curve back, null as NaN, at most n; returns how many there are. */
size_t store_fold_curve_read(const char *text, size_t n, double *out);

/**
 * Appends the layers' statistics as they are stored: an array of {"gradient_norm":[…],
 * "update_ratio":[…],"idle":[…]}, four digits.
 *
 * x  (n_epochs, n_layers)
 */
void store_fold_layers_text(const struct mlp_statistics *x, size_t n_epochs, size_t n_layers,
                            struct buf *out);

#endif
