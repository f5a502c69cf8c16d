/*
 * A network in double precision, as plainly as the formulas are written: the oracle for gradients
 * and optimizer steps. It shares no code with core/nn. Weights and gradients are in the canonical
 * order of core/nn/mlp.h.
 */
#ifndef SWEEPD_TESTS_CORE_NN_ORACLE_H
#define SWEEPD_TESTS_CORE_NN_ORACLE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/nn/loss.h"
#include "core/nn/mlp.h"
#include "core/nn/optimizer.h"

enum { ORACLE_ROWS = 16, ORACLE_WIDTH = 16, ORACLE_LAYERS = 6 };

struct oracle {
    struct mlp_shape shape;
    enum loss loss;
    enum output output;
    size_t n;     /* classes, or targets */
    double delta; /* huber */
    double l1, l2;
    size_t rows;
    double x[ORACLE_ROWS][ORACLE_WIDTH];
    int classes[ORACLE_ROWS];
    double y[ORACLE_ROWS][ORACLE_WIDTH];
    double weight[ORACLE_ROWS];
    double mask[ORACLE_LAYERS][ORACLE_ROWS][ORACLE_WIDTH]; /* factors, where a layer has dropout */
};

/** The mean loss by row weight, and for all weights but biases the sum of l1 |w| + l2/2 w^2. */
double oracle_loss(const struct oracle *o, const double *weights);

/** Its gradient by backpropagation. */
void oracle_gradient(const struct oracle *o, const double *weights, double *g);

/** The same by central differences of oracle_loss; changes weights on the way and back. */
void oracle_differences(const struct oracle *o, double *weights, double *g);

/** How far the nearest value is from a kink of its activation, of the loss or of |w|. */
double oracle_kink(const struct oracle *o, const double *weights);

/** |a - b| / |b|, Euclidean norms. */
double oracle_distance(size_t n, const double *a, const double *b);

/** Takes a share from all weights but biases: adamw's decay, before its step. */
void oracle_decay(const struct oracle *o, double share, double *weights);

/** Step t (from 1) of an optimizer as PyTorch's documentation writes it; a, b start at zero. */
void oracle_step(const struct optimizer_state *s, double rate, int t, size_t n, const double *g,
                 double *w, double *a, double *b);

#endif
