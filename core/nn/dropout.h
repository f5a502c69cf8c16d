/*
 * Dropout, inverted: while training each value is left out with probability p, and what stays is
 * divided by 1 - p, so that prediction needs no correction.
 *
 * The numbers are those of the stream (seed, repeat, fold, RNG_DROPOUT, dropout_index(layer,
 * step)): one 32-bit word for each row of the batch and unit, row by row; a value is left out where
 * the word is below p 2^32. A higher p so leaves out the same values and more.
 *
 * Source  Srivastava et al. 2014, section 10
 */
#ifndef SWEEPD_CORE_NN_DROPOUT_H
#define SWEEPD_CORE_NN_DROPOUT_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/rng.h"
#include "core/linalg/kernel.h"

/** The stream's index. layer: 0 to 127; step: from 1, and masks repeat after 2^25 of them. */
uint32_t dropout_index(size_t layer, size_t step);

/**
 * Draws the factors of some rows, 0 or 1 / (1 - p); the stream stands ready for the next rows.
 *
 * p     0 <= p < 1
 * mask  (rows, stride)
 */
void dropout_draw(const struct kernel *k, struct rng *r, double p, size_t rows, size_t n,
                  size_t stride, float *mask);

/** out = x mask, all (rows, stride); out may be x. stride: a multiple of KERNEL_PAD. */
void dropout_apply(const struct kernel *k, size_t rows, size_t stride, const float *mask,
                   const float *x, float *out);

#endif
