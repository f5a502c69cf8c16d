/*
 * Batch normalization of a layer's sums z, column by column over the M rows of a batch:
 *
 *     h = (z - mean) / sqrt(variance + epsilon),   u = gamma h + beta
 *
 * with PyTorch's conventions: the batch is normalized by its biased variance, the running
 * variance takes the unbiased one, running = 0.9 running + 0.1 batch. Row weights do not count
 * here. Sums over rows are in double, in order of rows; all is plain C and so the same for every
 * kernel.
 *
 * Source  Ioffe and Szegedy 2015, algorithm 1; torch.nn.BatchNorm1d
 */
#ifndef SWEEPD_CORE_NN_NORM_H
#define SWEEPD_CORE_NN_NORM_H

#include <stddef.h>

/* Vectors of n numbers; matrices are (M, stride). The memory is the owner's. */
struct norm {
    size_t n, stride;
    float *gamma, *beta;    /* trained */
    float *mean, *variance; /* running: what predictions use */
    float *inverse;         /* 1 / sqrt(variance + epsilon) of the last batch */
};

/** gamma 1, beta 0, running mean 0 and variance 1. */
void norm_start(const struct norm *b);

/**
 * A batch on its way forward while training.
 *
 * h  in: z; out: h
 * u  may be h only where no backward pass follows
 *
 * Shapes  M >= 2
 */
void norm_forward(const struct norm *b, size_t rows, float *h, float *u);

/** u from z by the running statistics; u may be z. */
void norm_predict(const struct norm *b, size_t rows, const float *z, float *u);

/**
 * The way back.
 *
 * h       as norm_forward left it
 * dz      in: the gradient by u; out: the gradient by z
 * dgamma, dbeta  the sums of this batch
 */
void norm_backward(const struct norm *b, size_t rows, const float *h, float *dz, float *dgamma,
                   float *dbeta);

#endif
