/*
 * Activations of the hidden layers, with PyTorch's constants: leaky_relu's slope 0.01, elu's alpha
 * 1, gelu by the error function.
 */
#ifndef SWEEPD_CORE_NN_ACTIVATION_H
#define SWEEPD_CORE_NN_ACTIVATION_H

#include "core/linalg/kernel.h"

/* The order is that of the names in core/train/hyper_words.c. */
enum activation {
    ACTIVATION_IDENTITY,
    ACTIVATION_SIGMOID,
    ACTIVATION_TANH,
    ACTIVATION_RELU,
    ACTIVATION_LEAKY_RELU,
    ACTIVATION_ELU,
    ACTIVATION_SELU,
    ACTIVATION_GELU,
    ACTIVATION_SILU,
    ACTIVATION_SOFTPLUS,
    ACTIVATION_SOFTSIGN,
    ACTIVATION_HARD_SIGMOID,
    ACTIVATION_SINE
};

enum { ACTIVATION_COUNT = ACTIVATION_SINE + 1 };

/** What the kernels apply to a layer's sums. */
enum kernel_function activation_function(enum activation a);

#endif
