/*
 * Initial weights. Biases start at zero.
 */
#ifndef SWEEPD_CORE_NN_INIT_H
#define SWEEPD_CORE_NN_INIT_H

#include <stddef.h>

#include "core/base/rng.h"
#include "core/nn/activation.h"

/* The order is that of the name table in core/train/hyper.c. */
enum init { INIT_AUTO, INIT_STANDARD_NORMAL, INIT_GLOROT_UNIFORM, INIT_HE_NORMAL };

/** What `auto` stands for in a layer: he_normal for relu, glorot_uniform for all else. */
enum init init_choose(enum init i, enum activation a);

/**
 * Draws the weights of one layer.
 *
 * i        not INIT_AUTO
 * weights  (inputs, outputs), row-major; drawn in this order, so that the numbers do not depend
 *          on how a kernel pads its panels
 *
 * Source   Glorot and Bengio 2010, equation 16; He et al. 2015, equation 10
 */
void init_draw(enum init i, size_t inputs, size_t outputs, struct rng *r, float *weights);

#endif
