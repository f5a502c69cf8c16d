/*
 * The optimizers; the first-order ones with PyTorch's conventions: the constants of each step,
 * which the kernels apply to every weight.
 *
 * adagrad has no decay of its rate and starts from zero sums; rmsprop is neither centered nor has
 * it momentum; nadam's momentum decay is 0.004. Decoupled weight decay (adamw) leaves biases
 * alone, as do l1 and l2. lbfgs is in core/linalg/lbfgs.h: here it has its name only.
 *
 * Source  torch.optim; Duchi, Hazan, Singer 2011; Hinton 2012, lecture 6e; Zeiler 2012; Kingma and
 *         Ba 2015; Dozat 2016; Loshchilov and Hutter 2019
 */
#ifndef SWEEPD_CORE_NN_OPTIMIZER_H
#define SWEEPD_CORE_NN_OPTIMIZER_H

#include <stdbool.h>
#include <stddef.h>

#include "core/linalg/kernel.h"

/* The order is that of the names in core/train/hyper_words.c. */
enum optimizer {
    OPTIMIZER_SGD,
    OPTIMIZER_ADAM,
    OPTIMIZER_ADAMW,
    OPTIMIZER_NADAM,
    OPTIMIZER_ADAGRAD,
    OPTIMIZER_RMSPROP,
    OPTIMIZER_ADADELTA,
    OPTIMIZER_LBFGS
};

enum { OPTIMIZER_COUNT = OPTIMIZER_LBFGS + 1 };

struct optimizer_state {
    enum optimizer kind;
    double momentum; /* sgd */
    bool nesterov;
    double beta1, beta2; /* adam, adamw, nadam */
    double rho;          /* rmsprop, adadelta */
    double epsilon;      /* all but sgd and lbfgs; above 0 */
    double weight_decay; /* adamw */
    double l1, l2;
    double clip; /* largest norm of the whole gradient; 0: any */

    double beta1_power, beta2_power; /* beta^step: exact repeated products, no pow() */
    double schedule_power;           /* nadam: the product of its momenta */
    size_t step;
};

/** The update that its steps ask for. */
enum kernel_rule optimizer_rule(const struct optimizer_state *o);

/** Arrays of a weight's size that the optimizer keeps: 0, 1 or 2. */
size_t optimizer_arrays(const struct optimizer_state *o);

/** Before the first step; the members above the powers are set. */
void optimizer_start(struct optimizer_state *o);

/** Goes one step on and gives its constants; not for lbfgs. */
void optimizer_step(struct optimizer_state *o, double learning_rate, struct kernel_update *out);

#endif
