/*
 * The arithmetic of training, behind a table of functions: one table per instruction set, all of
 * which give the same bits.
 *
 * Each element of a product is one chain of fused multiply-adds in the order of k; vector lanes
 * run across outputs. Sums along a row use 16 lanes (column c goes to lane c mod 16, in order)
 * and a fixed tree. Element-wise functions are our own and use exactly rounded operations only.
 *
 * Letters: M rows of a batch, K inputs and N outputs of a layer. Matrices of activations are
 * row-major with a stride of at least their columns rounded up to KERNEL_PAD, 64-byte aligned at
 * the start; the padding may be written, and is not read into any result. Weights lie in panels
 * (panels.h). All functions may run on any thread at once and cannot fail; flush-to-zero
 * (denormal.h) is the caller's.
 */
#ifndef SWEEPD_CORE_LINALG_KERNEL_H
#define SWEEPD_CORE_LINALG_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/rng.h"
#include "core/linalg/panels.h"

enum { KERNEL_PAD = 16 }; /* floats: the longest vector, and the lanes of every row sum */

/* All but the last three can follow a layer. */
enum kernel_function {
    KERNEL_IDENTITY,
    KERNEL_RELU,
    KERNEL_TANH,
    KERNEL_LOGISTIC,
    KERNEL_LEAKY_RELU,   /* x > 0 ? x : x / 100 */
    KERNEL_ELU,          /* x > 0 ? x : e^x - 1 */
    KERNEL_SELU,         /* elu, scaled so that a deep network normalizes itself */
    KERNEL_SOFTPLUS,     /* log(1 + e^x) */
    KERNEL_SOFTSIGN,     /* x / (1 + |x|) */
    KERNEL_HARD_SIGMOID, /* (x + 3) / 6 between 0 and 1 */
    KERNEL_GELU,         /* x (1 + erf(x / sqrt 2)) / 2 */
    KERNEL_SILU,         /* x logistic(x) */
    KERNEL_SINE,
    KERNEL_EXP,
    KERNEL_LOG,
    KERNEL_ERF
};

/**
 * What the derivative of f is computed from: f's value y, which is all that is kept of a layer, or
 * (true) the sums x that went into f, which must be kept as well.
 */
bool kernel_slope_needs_sums(enum kernel_function f);

/* How a gradient g changes a weight w; a and b are the optimizer's arrays. In all of them first
 * g = g + l2 w + l1 sign(w), with sign(0) = 0; not for biases. */
enum kernel_rule {
    KERNEL_SGD,      /* w = w - rate g */
    KERNEL_MOMENTUM, /* a = momentum a + g;  w = w - rate a */
    KERNEL_NESTEROV, /* a = momentum a + g;  w = w - rate (g + momentum a) */
    KERNEL_ADAM,     /* a = beta1 a + gain1 g;  b = beta2 b + gain2 g g;
                        w = keep w - rate a / (root sqrt(b) + epsilon); keep is one for biases */
    KERNEL_NADAM,    /* a and b as adam's;
                        w = w - (rate a + rate_now g) / (root sqrt(b) + epsilon) */
    KERNEL_RMSPROP,  /* a = beta2 a + gain2 g g;  w = w - rate g / (sqrt(a) + epsilon) */
    KERNEL_ADADELTA  /* a = beta2 a + gain2 g g;  d = g sqrt(b + epsilon) / sqrt(a + epsilon);
                        b = beta2 b + gain2 d d;  w = w - rate d */
};

struct kernel_update {
    enum kernel_rule rule;
    float rate;     /* adam, nadam: with the correction of a */
    float rate_now; /* nadam */
    float l1, l2;
    float keep; /* adam: one, or less for decoupled weight decay */
    float momentum;
    float beta1, gain1; /* gain = 1 - beta; adagrad is rmsprop with both one */
    float beta2, gain2;
    float root; /* 1 / sqrt(1 - beta2^step), the correction of b */
    float epsilon;
    double clip; /* largest norm of the whole gradient, for mlp.h; 0: any */
};

/* A layer's input and the gradient of its sums, over the same rows. */
struct kernel_pair {
    size_t rows;
    const float *x; /* (rows, K) */
    size_t x_stride;
    const float *dz; /* (rows, N) */
    size_t dz_stride;
};

struct lanes; /* lanes.h */

struct kernel {
    const char *name;
    size_t lanes; /* floats in a vector: 1 to KERNEL_PAD */
    size_t panel; /* most vectors in a panel */

    /** NULL, or a kernel with half the lanes that runs wherever this one does: faster for networks
     *  whose layers would leave half of the lanes empty. */
    const struct kernel *narrow;

    /** y = f(x W + bias). p: (K + 1, N), the bias in the last row. */
    void (*forward)(size_t rows, const float *x, size_t x_stride, const struct panels *p,
                    const float *w, enum kernel_function f, float *y, size_t y_stride);

    /** dx = (dz W^T) f'(.), the derivative from y: f's value, or the sums before it where
     *  kernel_slope_needs_sums(f). pt: (N, K). y and dx share a stride. */
    void (*backward)(size_t rows, const float *dz, size_t dz_stride, const struct panels *pt,
                     const float *wt, enum kernel_function f, const float *y, float *dx,
                     size_t dx_stride);

    /** g = x^T dz with the bias's sums as last row, unless p is bare; `add`: the sums go on from
     *  what g holds. */
    void (*gradient)(const struct kernel_pair *in, const struct panels *p, bool add, float *g);

    /** As gradient, but each gradient ends in an update of its weight and is not stored.
     *  start: where the sums go on from, or NULL for zero; a, b: NULL if the rule has none. */
    void (*update)(const struct kernel_pair *in, const struct panels *p, const float *start,
                   const struct kernel_update *u, float *w, float *a, float *b);

    /** The update alone, from scale g: the bits of `update` where scale is one. */
    void (*step)(const struct panels *p, const float *g, float scale, const struct kernel_update *u,
                 float *w, float *a, float *b);

    /** Sum of the squares of all elements, biases too: each column in the order of k, then the
     *  columns in 16 lanes and the fixed tree, in double. */
    double (*square_sum)(const struct panels *p, const float *m);

    /** wt = W^T without the bias row. p: (K + 1, N), pt: (N, K); or one panel of each, for the
     *  block that they have in common (split.c). */
    void (*transpose)(const struct panels *p, const float *w, const struct panels *pt, float *wt);

    /** Row by row: out = scale softmax(z); top: the largest z; log_sum: log of sum e^(z - top).
     *  scale: (rows), or NULL for one. z and out share a stride. */
    void (*softmax)(size_t rows, size_t n, const float *z, size_t stride, const float *scale,
                    float *out, float *top, float *log_sum);

    /** y = f(x), element by element; y may be x. */
    void (*map)(enum kernel_function f, size_t n, const float *x, float *y);

    /** d = d f'(.), element by element; y as in `backward`. */
    void (*slope)(enum kernel_function f, size_t n, const float *y, float *d);

    /** out = a b, element by element; n is a multiple of KERNEL_PAD; out may be a or b. */
    void (*multiply)(size_t n, const float *a, const float *b, float *out);

    /** The stream's next n words. */
    void (*words)(struct rng *r, size_t n, uint32_t *out);

    /** Dropout's factors: 0 where the stream's next word is below `limit`, else `factor`, row by
     *  row; the stream stands ready for the next rows. mask: (rows, stride), of which n columns. */
    void (*drop)(struct rng *r, uint32_t limit, float factor, size_t rows, size_t n, size_t stride,
                 float *mask);

    const struct lanes *fused; /* for networks side by side; NULL: none */
};

/**
 * Floats from row to row of a matrix with so many columns: rounded up to KERNEL_PAD, and never a
 * multiple of 512 bytes, since rows so far apart compete for the same few lines of the cache.
 */
size_t kernel_stride(size_t columns);

/** True where this processor can run it. */
bool kernel_supported(const struct kernel *k);

/** The i-th kernel of this build, the fastest first, the reference last; NULL past the end. */
const struct kernel *kernel_at(size_t i);

/** Appends the names that this machine can run, the fastest first: "avx512, avx2, reference". */
void kernel_names(struct buf *out);

/**
 * The kernel to use.
 *
 * name    NULL or "": the fastest that this processor runs
 *
 * Errors  ERR_INVALID: unknown or not supported; the message lists what this machine has
 */
enum err kernel_choose(const char *name, const struct kernel **out, struct error *e);

#endif
