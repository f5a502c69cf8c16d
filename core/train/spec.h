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

enum { SPEC_MAX_LAYERS = VALUE_LIST_MAX };

struct spec {
    size_t n_hidden; /* 0: a linear model */
    size_t width[SPEC_MAX_LAYERS];
    enum activation activation[SPEC_MAX_LAYERS];
    enum init init;
    enum loss loss;
    enum optimizer optimizer;
    double learning_rate;
    double momentum; /* sgd */
    bool nesterov;   /* sgd */
    double beta1, beta2, epsilon; /* adam */
    double l2;         /* l2/2 times the sum of squared weights, no biases, is added to the loss */
    size_t batch_size; /* rows; 0: all of them */
    size_t epochs;
};

#endif
