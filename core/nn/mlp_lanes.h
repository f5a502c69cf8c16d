/*
 * Networks of one shape side by side in the lanes of the vectors (core/linalg/lanes.h): each is
 * loaded from a network of its own (mlp.h), learns with the same bits as it would alone, and is
 * stored back. Without dropout, batch normalization and clipping; a batch is one block.
 *
 * One thread at a time. The lanes may have different numbers of rows in one pass: `height` holds
 * them, and `rows` is the largest. What a lane gives beyond its own rows means nothing, and is
 * kept out of its gradients. A lane that holds no network may be given any rows.
 */
#ifndef SWEEPD_CORE_NN_MLP_LANES_H
#define SWEEPD_CORE_NN_MLP_LANES_H

#include "core/linalg/lanes.h"
#include "core/nn/mlp.h"

struct mlp_lanes;

/** True where networks of this shape are worth putting side by side, and can be. */
bool mlp_lanes_fits(const struct mlp_shape *s);

enum err mlp_lanes_create(const struct mlp_shape *s, const struct mlp_plan *p,
                          const struct kernel *k, const struct lanes *lanes, struct mlp_lanes **out,
                          struct error *e);
void mlp_lanes_destroy(struct mlp_lanes *m);

/** Copies weights and the optimizer's arrays of a network into a lane, or back. */
void mlp_lanes_load(struct mlp_lanes *m, size_t lane, const struct mlp *from);
void mlp_lanes_store(const struct mlp_lanes *m, size_t lane, struct mlp *to);

/** Copies a lane's values of the last forward pass back as well, for mlp_find_fault. */
void mlp_lanes_store_values(const struct mlp_lanes *m, size_t lane, size_t rows, struct mlp *to);

/** x stays with the caller until mlp_lanes_backward is done. */
void mlp_lanes_forward(struct mlp_lanes *m, size_t rows, const struct lanes_input *x);

/** The last sums of a forward pass, and where the loss puts its gradient: matrices of lanes. */
const float *mlp_lanes_outputs(const struct mlp_lanes *m);
float *mlp_lanes_output_gradient(struct mlp_lanes *m);

/**
 * Backpropagation and the update of all weights.
 *
 * height      (n): rows of each lane; x is zero beyond them
 * statistics  NULL, or for each lane where its layers' go, or NULL
 */
void mlp_lanes_backward(struct mlp_lanes *m, const int32_t *height, size_t rows,
                        const struct lanes_input *x, const struct lanes_update *u,
                        struct mlp_statistics *const *statistics);

#endif
