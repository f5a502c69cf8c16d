/*
 * A training's inside, for core/train/train*.c alone.
 */
#ifndef SWEEPD_CORE_TRAIN_TRAIN_PRIVATE_H
#define SWEEPD_CORE_TRAIN_TRAIN_PRIVATE_H

#include "core/base/mem.h"
#include "core/linalg/lbfgs.h"
#include "core/nn/mlp.h"
#include "core/train/train.h"
#include "core/train/watch.h"

/* The rows that pass through the network together, copied next to each other. */
struct block {
    float *x; /* (rows, x_stride) */
    size_t x_stride;
    int32_t *classes;
    float *y;     /* (rows, n_outputs) */
    float *scale; /* the row's weight over the batch's */
    float *loss;
    float *work; /* for loss.h */
};

struct train {
    struct spec spec;
    const struct fold_data *data;
    const struct kernel *kernel;
    const struct metric *decides;
    uint64_t seed;
    uint32_t repeat, fold;
    enum output output;
    size_t n_fit;       /* rows that are trained on; the other training rows are watched */
    size_t batch, rows; /* rows of a batch, most rows of a block */
    size_t n_steps;     /* of an epoch */
    size_t step;        /* steps done in all */
    size_t goal;        /* epochs: how far a group takes it */
    struct arena *arena;
    struct mlp *mlp;
    struct team *team; /* NULL where the network is too small to be shared */
    struct optimizer_state optimizer;
    struct lbfgs lbfgs; /* in the optimizer's place; its x is what the weights are rounded from */
    float *flat;        /* lbfgs: weights or gradients in canonical order */
    double data_loss;   /* lbfgs: at the last evaluation, without penalties */
    struct watch watch;
    struct mlp_fault fault; /* of the first loss that was not finite */
    bool has_fault;
    struct block block;
    uint32_t *split;      /* (n_train): n_fit rows to train on, then the watched; NULL: no split */
    uint32_t *order;      /* (n_fit), shuffled each epoch but for lbfgs */
    double *class_weight; /* (n_outputs), or NULL */
    float *predicted;     /* (n, n_outputs), by the row of the fold's data */
    void *metric_work;
    double *train_loss, *validation_loss, *validation_score, *learning_rate; /* (epochs) */
    struct mlp_statistics *layers;                                           /* (epochs, layers) */
    double *train_metrics, *validation_metrics;                              /* (n_metrics) */
    char reason[128];
    struct train_result result;
};

/* train_size.c: what a spec means for data of a size. */
struct mlp_shape train_shape(const struct spec *s, enum task task, size_t n_features,
                             size_t n_outputs);
struct optimizer_state train_optimizer(const struct spec *s);
size_t train_batch_rows(const struct spec *s, size_t n_train);
size_t train_steps(const struct spec *s, size_t n_train);
struct mlp_plan train_plan(const struct spec *s, size_t n_train);
bool train_watches(const struct spec *s);

/* train_pass.c: rows through the network. */

/** A row's weight in the loss, and the sum of some rows' weights. */
double train_row_weight(const struct train *t, size_t row);
double train_weight(const struct train *t, const uint32_t *rows, size_t n);

/**
 * A batch forward and back; returns the sum of its rows' losses by weight.
 *
 * update   NULL: the gradients stay in memory
 * observe  for the statistics
 */
double train_batch(struct train *t, const uint32_t *order, size_t n,
                   const struct kernel_update *update, bool observe);

/** Sets t->order for an epoch, counted from 1. */
void train_shuffle(struct train *t, size_t epoch);

/** Goes on by one of the epoch's steps, counted from 0, and gives its constants. */
void train_next_step(struct train *t, size_t epoch, size_t step, struct kernel_update *update);

/** Remembers where the numbers of the last forward pass went wrong, the first time that a loss is
 *  not finite. */
void train_check_loss(struct train *t, size_t rows, double loss);

/** Trains one epoch, counted from 1, and sets its mean loss; false where it was given up. */
bool train_epoch(struct train *t, size_t epoch, train_wanted *wanted, void *ctx, double *loss);

/** Mean loss of the rows that are watched. */
double train_watched_loss(struct train *t);

/** Mean loss and score of the validation rows from t->predicted and the sum of losses. */
void train_judge(struct train *t, double sum, double *loss, double *score);

/** Predicts and judges the validation rows. */
void train_validate(struct train *t, double *loss, double *score);

/** Predictions of rows from..end of the fold's data. */
void train_predict(struct train *t, size_t from, size_t end);

/** All metrics of rows from..end, whose predictions are there. */
void train_score(struct train *t, size_t from, size_t end, double *values);

/* train.c: the end of an epoch, the end of a run. */

/** Takes an epoch into the result, whose losses and, where rows are watched, weights are there. */
enum train_state train_end_epoch(struct train *t, size_t epoch, double watched);

/** Scores both parts after a run; t->result.state is set. */
void train_end(struct train *t);

/* train_lbfgs.c: the epochs of lbfgs. */

size_t train_lbfgs_bytes(size_t n_weights);

/** From the network's weights; memory: lbfgs_doubles(n_weights). t->flat is there. */
void train_lbfgs_start(struct train *t, size_t n_weights, double *memory);

/** train_epoch's work; t->order is set. */
bool train_lbfgs_epoch(struct train *t, size_t epoch, train_wanted *wanted, void *ctx,
                       double *loss);

#endif
