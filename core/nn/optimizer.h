/*
 * First-order optimizers with PyTorch's conventions: the constants of each step, which the
 * kernels apply to every weight.
 *
 * Source  torch.optim.SGD, torch.optim.Adam; Kingma and Ba 2015
 */
#ifndef SWEEPD_CORE_NN_OPTIMIZER_H
#define SWEEPD_CORE_NN_OPTIMIZER_H

#include <stdbool.h>
#include <stddef.h>

#include "core/linalg/kernel.h"

/* The order is that of the name table in core/train/hyper.c. */
enum optimizer { OPTIMIZER_SGD, OPTIMIZER_ADAM };

struct optimizer_state {
    enum optimizer kind;
    double momentum; /* sgd */
    bool nesterov;
    double beta1, beta2, epsilon; /* adam */
    double l2;
    double beta1_power, beta2_power; /* beta^step: exact repeated products, no pow() */
};

/** Arrays of a weight's size that the optimizer keeps: 0, 1 or 2. */
size_t optimizer_arrays(const struct optimizer_state *o);

/** Before the first step; the members above the powers are set. */
void optimizer_start(struct optimizer_state *o);

/** Goes one step on and gives its constants. */
void optimizer_step(struct optimizer_state *o, double learning_rate, struct kernel_update *out);

#endif
