/*
 * Initial weights. Biases start at zero.
 */
#ifndef SWEEPD_CORE_NN_INIT_H
#define SWEEPD_CORE_NN_INIT_H

#include <stddef.h>

#include "core/base/rng.h"
#include "core/nn/activation.h"

/* The order is that of the names in core/train/hyper_words.c. */
enum init {
    INIT_AUTO,
    INIT_STANDARD_NORMAL,
    INIT_GLOROT_UNIFORM,
    INIT_HE_NORMAL,
    INIT_GLOROT_NORMAL,
    INIT_HE_UNIFORM,
    INIT_LECUN_NORMAL,
    INIT_ORTHOGONAL, /* rows or columns, whichever are fewer, are orthonormal */
    INIT_ZEROS
};

enum { INIT_COUNT = INIT_ZEROS + 1 };

/**
 * What `auto` stands for in a layer: he_normal for relu and its kin (leaky_relu, elu, gelu, silu,
 * softplus), lecun_normal for selu, glorot_uniform for all else.
 */
enum init init_choose(enum init i, enum activation a);

/**
 * Draws the weights of one layer.
 *
 * i        not INIT_AUTO
 * weights  room for inputs * outputs; drawn in an order of their own, so that the numbers do not
 *          depend on how a kernel pads its panels
 *
 * Source   Glorot and Bengio 2010, equations 12 and 16; He et al. 2015, equation 10; LeCun et al.
 *          1998; Klambauer et al. 2017; Saxe, McClelland, Ganguli 2014
 */
void init_draw(enum init i, size_t inputs, size_t outputs, struct rng *r, float *weights);

/** Where init_draw has put the weight from an input to an output. */
size_t init_index(enum init i, size_t inputs, size_t outputs, size_t input, size_t output);

#endif
