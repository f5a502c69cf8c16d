/*
 * A dense network: weights, optimizer state and the activations of a block of rows, in one piece
 * of memory laid out as the kernel wants it. Backpropagation is the field's four equations:
 *
 *     dz_L = gradient of the loss by the last sums         (loss.h)
 *     dz_l = (dz_{l+1} W_{l+1}^T) * f'(z_l)                (the kernel's backward)
 *     dW_l = y_{l-1}^T dz_l,   db_l = sum of dz_l's rows   (the kernel's gradient or update)
 *
 * One thread at a time. Letters: K inputs and N outputs of a layer, l counts layers from 0.
 *
 * Canonical order of weights and gradients, the same for all kernels: by layer, then by input
 * with the bias as the last one, then by output.
 *
 * Source  Rumelhart, Hinton, Williams 1986; Nielsen 2015, chapter 2
 */
#ifndef SWEEPD_CORE_NN_MLP_H
#define SWEEPD_CORE_NN_MLP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/value.h"
#include "core/linalg/kernel.h"
#include "core/nn/activation.h"
#include "core/nn/init.h"

enum { MLP_MAX_LAYERS = VALUE_LIST_MAX + 1 }; /* the hidden ones and the output */

struct mlp_shape {
    size_t n_inputs;
    size_t n_layers; /* at least 1: the output layer alone is a linear model */
    size_t width[MLP_MAX_LAYERS];
    enum activation activation[MLP_MAX_LAYERS]; /* identity for the output: the loss has its own */
};

/* What a network needs memory for besides its weights. */
struct mlp_plan {
    size_t rows;     /* most rows of one forward pass */
    size_t n_arrays; /* optimizer_arrays() */
    bool gradients;  /* they are kept in memory: batches of several blocks, tests */
};

struct mlp;

/** Weights and biases. */
size_t mlp_weight_count(const struct mlp_shape *s);

/** Multiply-adds for one row: forward, and backward with the gradients. */
double mlp_forward_work(const struct mlp_shape *s);
double mlp_backward_work(const struct mlp_shape *s);

/** Memory of a network, or SIZE_MAX where that does not fit a size_t. */
size_t mlp_bytes(const struct mlp_shape *s, const struct mlp_plan *p, const struct kernel *k);

enum err mlp_create(const struct mlp_shape *s, const struct mlp_plan *p, const struct kernel *k,
                    struct mlp **out, struct error *e);
void mlp_destroy(struct mlp *m);

/** Draws all weights from the streams (seed, repeat, fold, RNG_INIT, layer from 1). */
void mlp_init(struct mlp *m, enum init i, uint64_t seed, uint32_t repeat, uint32_t fold);

/**
 * One forward pass.
 *
 * x       (rows, stride); stays with the caller until mlp_backward is done
 *
 * Shapes  1 <= rows <= the plan's
 */
void mlp_forward(struct mlp *m, size_t rows, const float *x, size_t stride);

/** The last sums of mlp_forward, (rows, mlp_stride); until the next forward pass. */
const float *mlp_outputs(const struct mlp *m);

/** Where the loss puts its gradient by the last sums, (rows, mlp_stride). */
float *mlp_output_gradient(struct mlp *m);

/** Floats from row to row of the two above: the output's width rounded up to 16, or more. */
size_t mlp_stride(const struct mlp *m);

/**
 * Backpropagation through the rows of the last forward pass.
 *
 * first   the first block of a batch: gradients start at zero; later blocks go on adding
 * update  NULL: the gradients stay in memory. Else, with the batch's last block: each weight is
 *         updated while its gradient is in a register. Memory for gradients is needed unless a
 *         batch is one block that ends in an update; the bits are the same either way.
 */
void mlp_backward(struct mlp *m, size_t rows, const float *x, size_t stride, bool first,
                  const struct kernel_update *update);

enum mlp_part { MLP_WEIGHTS, MLP_GRADIENTS };

/** Copies out in canonical order, mlp_weight_count() floats. */
void mlp_read(const struct mlp *m, enum mlp_part part, float *out);

/** Sets all weights from canonical order. */
void mlp_write(struct mlp *m, const float *weights);

/** FNV-1a over the weights' bits in canonical order; all NaNs count as one. */
uint64_t mlp_hash(const struct mlp *m);

#endif
