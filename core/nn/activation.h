/*
 * Activations of the hidden layers.
 */
#ifndef SWEEPD_CORE_NN_ACTIVATION_H
#define SWEEPD_CORE_NN_ACTIVATION_H

#include "core/linalg/kernel.h"

/* The order is that of the name table in core/train/hyper.c. */
enum activation { ACTIVATION_IDENTITY, ACTIVATION_SIGMOID, ACTIVATION_TANH, ACTIVATION_RELU };

/** What the kernels apply to a layer's sums. */
enum kernel_function activation_function(enum activation a);

#endif
