/*
 * One random problem twice: in double precision for the oracle, and as float32 in a network of
 * core/nn, with the same numbers.
 */
#ifndef SWEEPD_TESTS_CORE_NN_PAIR_H
#define SWEEPD_TESTS_CORE_NN_PAIR_H

#include "core/base/rng.h"
#include "core/nn/mlp.h"
#include "tests/core/nn/oracle.h"

enum { PAIR_MOST_WEIGHTS = 2000, PAIR_STRIDE = 16 };

struct pair {
    struct oracle oracle;
    const struct kernel *kernel;
    struct mlp *mlp;
    size_t n_weights;
    double w[PAIR_MOST_WEIGHTS]; /* the initial weights, exact in float32 */
    _Alignas(64) float x[ORACLE_ROWS * PAIR_STRIDE];
    float y[ORACLE_ROWS * ORACLE_WIDTH];
    int32_t classes[ORACLE_ROWS];
    float scale[ORACLE_ROWS];
};

/** Random data and weights for an oracle whose shape, loss and output are set. */
void pair_make(struct pair *p, const struct kernel *k, const struct optimizer_state *s,
               struct rng *r);
void pair_finish(struct pair *p);

/** Forward, loss and backward in float32; update NULL: the gradients stay in the network. */
void pair_run(struct pair *p, const struct kernel_update *update);

/** The network's weights or gradients as doubles. */
void pair_read(const struct pair *p, enum mlp_part part, double *out);

/** A shape with `depth` hidden layers of different widths, and the output that n asks for. */
void pair_shape(struct oracle *o, size_t depth, enum activation a, enum output output, size_t n);

#endif
