/*
 * The network's inside, for core/nn/mlp*.c alone.
 */
#ifndef SWEEPD_CORE_NN_MLP_PRIVATE_H
#define SWEEPD_CORE_NN_MLP_PRIVATE_H

#include "core/base/rng.h"
#include "core/linalg/split.h"
#include "core/nn/mlp.h"
#include "core/nn/norm.h"

struct layer {
    struct panels p;  /* weights: (K + 1, N), the bias in the last row */
    struct panels pt; /* W^T: (N, K) */
    enum kernel_function f;
    enum init init;
    float *w, *g;  /* weights; gradients or NULL */
    float *a, *b;  /* the optimizer's arrays, or NULL */
    float *kept;   /* weights of mlp_keep, or NULL */
    float *wt;     /* NULL in the first layer, which needs no dX */
    float *z;      /* (rows, stride): the sums before f, where its slope needs them, or NULL */
    float *y, *dz; /* (rows, stride): values after f, gradient of the sums before it */
    float *out;    /* (rows, stride): what the next layer was trained on; y without dropout */
    size_t stride;

    /* Dropout; mask is NULL without it. */
    double dropout;
    float *mask; /* (rows, stride): 0 or 1 / (1 - dropout) */
    struct rng luck;

    /* Batch normalization; normalized is NULL without it. */
    float *normalized;   /* (rows, stride): the sums, then those normalized */
    struct norm norm;    /* gamma, beta, mean, variance: one array, a stride from each other */
    float *kept_norm;    /* the same of mlp_keep, or NULL */
    struct panels pn;    /* gamma and beta as one row of biases */
    float *gn, *an, *bn; /* of gamma and beta: gradients, the optimizer's arrays */

    /* What mlp_observe saw in the batch. */
    float *alive; /* (N): one for a unit that was not zero in all rows */
    size_t saturated, seen;
};

struct mlp {
    const struct kernel *kernel;
    struct team *team; /* NULL: nobody helps */
    size_t n_layers;
    size_t rows; /* most rows of a pass */
    uint64_t seed;
    uint32_t repeat, fold; /* of dropout's streams */
    float *memory;
    float *draws; /* one layer's weights: while they are drawn, and as they were before a step */
    struct layer layers[MLP_MAX_LAYERS];
};

/* Sets the pointers of a layer's norm into one array of 4 strides. */
static inline void mlp_place_norm(struct layer *l, float *parts)
{
    l->norm.gamma = parts;
    l->norm.beta = parts + l->stride;
    l->norm.mean = parts + 2 * l->stride;
    l->norm.variance = parts + 3 * l->stride;
}

/* Writes W^T anew where a layer has one. */
void mlp_refresh(const struct mlp *m, struct layer *l);

/* One layer's part of mlp_step. */
void mlp_step_layer(const struct mlp *m, struct layer *l, float scale,
                    const struct kernel_update *update);

/* The factor that brings the gradient's norm down to the limit; 0: any. */
float mlp_clip_scale(const struct mlp *m, double limit);

#endif
