/*
 * Networks of one shape side by side, each in a lane of the vectors: where a layer is narrower
 * than a vector, that fills it. Every number is a vector over networks, so that nothing is padded,
 * transposed or summed across lanes, and each lane's bits are those of the same network alone
 * (kernel.h): the same chains of fused multiply-adds, the same functions, sums along a row in 16
 * parts and the fixed tree.
 *
 * A matrix of lanes has vectors for elements: element (i, j) of lane l is at
 * (i lanes_stride(columns) + j) n + l. Weights are (K + 1, N), the bias in the last row. Letters
 * as in kernel.h. A lane that stands for no network may hold anything.
 */
#ifndef SWEEPD_CORE_LINALG_LANES_H
#define SWEEPD_CORE_LINALG_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/linalg/kernel.h"

enum { LANES_MOST = KERNEL_PAD };

/* A layer's input: a matrix of lanes, or plain rows that all lanes share. */
struct lanes_input {
    const float *x;
    size_t stride; /* floats from row to row */
    bool shared;
};

/* kernel_update of each lane: one rule, no l1, no clipping. */
struct lanes_update {
    enum kernel_rule rule;
    float rate[LANES_MOST], rate_now[LANES_MOST], l2[LANES_MOST], keep[LANES_MOST];
    float momentum[LANES_MOST], beta1[LANES_MOST], gain1[LANES_MOST], beta2[LANES_MOST];
    float gain2[LANES_MOST], root[LANES_MOST], epsilon[LANES_MOST];
};

struct lanes {
    size_t n; /* networks: floats in a vector */

    /** y = f(x W + bias); f is the identity or relu. */
    void (*forward)(size_t rows, const struct lanes_input *x, size_t inputs, size_t outputs,
                    const float *w, bool relu, float *y);

    /** dx = dz W^T; y: NULL, or relu's values, whose slope is taken. */
    void (*backward)(size_t rows, size_t inputs, size_t outputs, const float *dz, const float *w,
                     const float *y, float *dx);

    /** g = x^T dz with the bias's sums as last row. */
    void (*gradient)(size_t rows, const struct lanes_input *x, size_t inputs, size_t outputs,
                     const float *dz, float *g);

    /** As gradient and step, but without g in memory: the same bits. */
    void (*update)(size_t rows, const struct lanes_input *x, size_t inputs, size_t outputs,
                   const float *dz, const struct lanes_update *u, float *w, float *a, float *b);

    /** The update from the gradient; a, b: NULL if the rule has none. */
    void (*step)(const struct lanes_update *u, size_t inputs, size_t outputs, const float *g,
                 float *w, float *a, float *b);

    /** Sum of the squares of each lane's (rows, columns), as kernel.h's square_sum. out: (n) */
    void (*square_sum)(size_t rows, size_t columns, const float *m, double *out);

    /**
     * Softmax cross entropy of (rows, columns). out may be z.
     *
     * classes  (rows, n)
     * scale    (rows, n): out = (softmax - onehot) scale. NULL: out = softmax
     * loss     (rows, n): -log of the right class's probability
     */
    void (*softmax)(size_t rows, size_t columns, const float *z, const int32_t *classes,
                    const float *scale, float *out, float *loss);

    /**
     * Cross entropy of one logit for two classes: loss.h's formulas.
     *
     * z, classes, scale, dz, loss  (rows, n)
     */
    void (*sigmoid)(size_t rows, const float *z, const int32_t *classes, const float *scale,
                    float *dz, float *loss);

    /** sum += weight loss in double, over the first height[lane] rows in their order.
     *  weight: (rows, n), or NULL for one; sum: (n) */
    void (*add)(const int32_t *height, const float *loss, const double *weight, double *sum);

    /** Values at most `low` or at least `high` among the first height[lane] rows. out: (n) */
    void (*count_outside)(const int32_t *height, size_t rows, size_t columns, const float *y,
                          float low, float high, int32_t *out);

    /** Columns that are not zero in all rows. out: (n) */
    void (*count_alive)(size_t rows, size_t columns, const float *y, int32_t *out);

    /** Vectors j = 0 … columns - 1 of the j-th floats of n plain rows, which can be read up to the
     *  next multiple of 8. */
    void (*interleave)(const float *const *from, size_t columns, float *out);
};

/** Vectors from row to row. Odd, since rows apart by a power of two compete for the same few
 *  lines of the cache; one column is contiguous. */
static inline size_t lanes_stride(size_t columns)
{
    return columns | 1;
}

/** Sets one lane's constants. The rule is the same for all lanes. */
void lanes_update_set(struct lanes_update *u, size_t lane, const struct kernel_update *from);

/**
 * The narrowest lanes that hold so many networks, or else the widest, among those that give the
 * kernel's bits on any processor that runs it; NULL where the kernel has none.
 */
const struct lanes *lanes_choose(const struct kernel *k, size_t n_networks);

#endif
