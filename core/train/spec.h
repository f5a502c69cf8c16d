/*
 * What is trained: one point of the search space in the engine's own terms.
 * core/train/hyper.h makes it from named hyperparameters.
 */
#ifndef SWEEPD_CORE_TRAIN_SPEC_H
#define SWEEPD_CORE_TRAIN_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/value.h"
#include "core/nn/activation.h"
#include "core/nn/init.h"
#include "core/nn/loss.h"
#include "core/nn/optimizer.h"
#include "core/nn/schedule.h"

enum { SPEC_MAX_LAYERS = VALUE_LIST_MAX };

struct spec {
    size_t n_hidden; /* 0: a linear model */
    size_t width[SPEC_MAX_LAYERS];
    enum activation activation[SPEC_MAX_LAYERS];
    enum init init;
    enum loss loss;
    enum optimizer optimizer;
    double learning_rate; /* lbfgs: NaN; it has no schedule, clipping or batch_size either */
    double momentum;      /* sgd */
    bool nesterov;        /* sgd */
    double beta1, beta2;  /* adam, adamw, nadam */
    double rho;           /* rmsprop, adadelta */
    double epsilon;       /* all but sgd and lbfgs */
    double weight_decay;  /* adamw */
    enum schedule schedule;
    size_t step_epochs;     /* step */
    double decay;           /* step, exponential, inverse_time, plateau */
    double final_fraction;  /* cosine, warmup_cosine */
    double warmup_fraction; /* warmup_cosine, one_cycle */
    size_t plateau_patience;
    double l1, l2; /* l1 times the sum of |w| and l2/2 times that of squares, no biases, are added
                      to the loss */
    double gradient_clip; /* largest norm of the whole gradient; 0: any */
    double huber_delta;   /* huber, in the unit of the scaled target */
    size_t batch_size;    /* rows; 0: all of them */
    size_t epochs;
    double dropout[SPEC_MAX_LAYERS]; /* the share of a hidden layer's values that is left out */
    bool batch_norm;                 /* of every hidden layer's sums; batches of 2 rows or more */
    size_t early_stopping;           /* patience in epochs; 0: off */
    double early_stopping_fraction;  /* of the training rows, set aside for it and for plateau */
    bool balanced; /* a class's rows weigh rows / (classes * its rows) in the loss */
};

#endif
