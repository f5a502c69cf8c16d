/*
 * A dense network: weights, optimizer state and the activations of a block of rows, in one piece
 * of memory laid out as the kernel wants it. Backpropagation is the field's four equations:
 *
 *     dz_L = gradient of the loss by the last sums         (loss.h)
 *     dz_l = (dz_{l+1} W_{l+1}^T) * f'(z_l)                (the kernel's backward)
 *     dW_l = y_{l-1}^T dz_l,   db_l = sum of dz_l's rows   (the kernel's gradient or update)
 *
 * One thread at a time, but for the helpers of mlp_share. Letters: K inputs and N outputs of a
 * layer, l counts layers from 0.
 *
 * Canonical order of weights and gradients, the same for all kernels: by layer, then by input
 * with the bias as the last one, then by output. With batch normalization a hidden layer has beta
 * in the place of the bias, and gamma behind it as one more row.
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
#include "core/linalg/team.h"
#include "core/nn/activation.h"
#include "core/nn/init.h"

enum { MLP_MAX_LAYERS = VALUE_LIST_MAX + 1 }; /* the hidden ones and the output */

struct mlp_shape {
    size_t n_inputs;
    size_t n_layers; /* at least 1: the output layer alone is a linear model */
    size_t width[MLP_MAX_LAYERS];
    enum activation activation[MLP_MAX_LAYERS]; /* identity for the output: the loss has its own */
    double dropout[MLP_MAX_LAYERS];             /* of each hidden layer's values; below 1 */
    bool batch_norm; /* of the hidden layers' sums, before the activation */
};

/* What a network needs memory for besides its weights. */
struct mlp_plan {
    size_t rows;     /* most rows of one forward pass */
    size_t n_arrays; /* optimizer_arrays() */
    bool gradients;  /* they are kept in memory: batches of several blocks, clipping, statistics,
                        tests */
    bool keep;       /* a second set of weights, for mlp_keep */
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

/** True where passes of so many rows are large enough to be shared with a team. */
bool mlp_is_wide(const struct mlp_shape *s, size_t rows);

/** Shares passes and steps with a team, borrowed, from now on; the bits stay the same. */
void mlp_share(struct mlp *m, struct team *t);

/** Draws all weights from the streams (seed, repeat, fold, RNG_INIT, layer from 1); dropout's
 *  streams take the same names. */
void mlp_init(struct mlp *m, enum init i, uint64_t seed, uint32_t repeat, uint32_t fold);

/**
 * One forward pass as for predictions: without dropout, normalized by running statistics.
 *
 * x       (rows, stride)
 *
 * Shapes  1 <= rows <= the plan's
 */
void mlp_forward(struct mlp *m, size_t rows, const float *x, size_t stride);

/**
 * One forward pass that mlp_backward can follow. Without dropout and batch normalization it is
 * the same as mlp_forward.
 *
 * x       (rows, stride); stays with the caller until mlp_backward is done
 * step    from 1: names dropout's streams (dropout.h)
 * first   the first block of a batch
 *
 * Shapes  1 <= rows <= the plan's; with batch normalization a batch is one block of 2 rows or more
 */
void mlp_forward_training(struct mlp *m, size_t rows, const float *x, size_t stride, size_t step,
                          bool first);

/** The last sums of a forward pass, (rows, mlp_stride); until the next forward pass. */
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
 *         updated while its gradient is in a register, or by mlp_step where the update clips.
 *         Memory for gradients is needed unless a batch is one block that ends in an update
 *         without clipping; the bits are the same either way.
 */
void mlp_backward(struct mlp *m, size_t rows, const float *x, size_t stride, bool first,
                  const struct kernel_update *update);

/**
 * Updates all weights from the gradients in memory, scaled down where the norm of all of them
 * together is above update->clip: of the mean loss alone, before penalties.
 *
 * Source  torch.nn.utils.clip_grad_norm_; Pascanu, Mikolov, Bengio 2013
 */
void mlp_step(struct mlp *m, const struct kernel_update *update);

/* One layer in one step. */
struct mlp_statistics {
    double gradient_norm; /* of the mean loss, without penalties and before clipping */
    double update_ratio;  /* norm of the update by norm of the weights before, biases included */
    double idle;          /* sigmoid, tanh, hard_sigmoid: share of values within 0.01 of a limit;
                             relu: share of units that are zero in all rows; else NaN */
};

/** Takes a block of the last mlp_forward_training into `idle`; first: of a batch. */
void mlp_observe(struct mlp *m, size_t rows, bool first);

/** mlp_step with the same bits; out: (n_layers). Every block of the batch was observed. */
void mlp_step_observed(struct mlp *m, const struct kernel_update *update,
                       struct mlp_statistics *out);

/** Of the layer's observed values, as above; l counts from 0. */
double mlp_idle(const struct mlp *m, size_t l);

struct mlp_fault {
    size_t layer;     /* from 1; 0: none */
    const char *what; /* "weights" or "values" */
};

/** The first layer with numbers that are not finite, in the weights or in the last forward pass. */
struct mlp_fault mlp_find_fault(const struct mlp *m, size_t rows);

enum mlp_part { MLP_WEIGHTS, MLP_GRADIENTS };

/** Euclidean norm of all of a layer's weights or gradients; l counts from 0. */
double mlp_norm(const struct mlp *m, enum mlp_part part, size_t l);

/** Copies out in canonical order, mlp_weight_count() floats. */
void mlp_read(const struct mlp *m, enum mlp_part part, float *out);

/** Sets all weights from canonical order. */
void mlp_write(struct mlp *m, const float *weights);

/** Copies all that predictions depend on aside; the plan says `keep`. */
void mlp_keep(struct mlp *m);

/** Exchanges it with what was kept; the optimizer's arrays stay. */
void mlp_swap_kept(struct mlp *m);

/** FNV-1a over the weights' bits in canonical order; all NaNs count as one. With batch
 *  normalization each layer's running means and variances, unit by unit, are behind its weights. */
uint64_t mlp_hash(const struct mlp *m);

#endif
