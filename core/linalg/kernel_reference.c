/*
 * The plain kernel: scalar loops that say what the others must compute, and the fallback where
 * the processor has no vector kernel. Without FMA hardware fmaf is libm's, exact and slow.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "core/linalg/kernel_list.h"

typedef float vf;
typedef int32_t vi;
typedef uint32_t vu;

static inline int32_t vf_bits(float x)
{
    int32_t bits;

    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float vf_from_bits(int32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

#define vf_set(x) ((float)(x))
#define vf_fma(a, b, c) fmaf(a, b, c)
#define vf_sqrt(a) sqrtf(a)
#define vf_max(a, b) ((a) > (b) ? (a) : (b))
#define vf_min(a, b) ((a) < (b) ? (a) : (b))
#define vf_less(a, b, x, y) ((a) < (b) ? (x) : (y))

#include "core/linalg/kernel_math.h"

static void forward(size_t rows, const float *x, size_t x_stride, const struct panels *p,
                    const float *w, enum kernel_function f, float *y, size_t y_stride)
{
    size_t n_inputs = p->rows - 1;

    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < p->columns; j++) {
            float sum = w[panels_index(p, n_inputs, j)];

            for (size_t k = 0; k < n_inputs; k++)
                sum = fmaf(x[i * x_stride + k], w[panels_index(p, k, j)], sum);
            y[i * y_stride + j] = vf_apply(f, sum);
        }
    }
}

static void backward(size_t rows, const float *dz, size_t dz_stride, const struct panels *pt,
                     const float *wt, enum kernel_function f, const float *y, float *dx,
                     size_t dx_stride)
{
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < pt->columns; j++) {
            float sum = 0.0f;

            for (size_t k = 0; k < pt->rows; k++)
                sum = fmaf(dz[i * dz_stride + k], wt[panels_index(pt, k, j)], sum);
            dx[i * dx_stride + j] = vf_slope(f, y[i * dx_stride + j], sum);
        }
    }
}

static bool is_bias(const struct panels *p, size_t k)
{
    return k + 1 == p->rows && !p->bare;
}

/* The gradient of weight (k, j), or of bias j where is_bias(p, k). */
static float gradient_at(const struct kernel_pair *in, const struct panels *p, size_t k, size_t j,
                         float sum)
{
    for (size_t i = 0; i < in->rows; i++) {
        float x = is_bias(p, k) ? 1.0f : in->x[i * in->x_stride + k];

        sum = fmaf(x, in->dz[i * in->dz_stride + j], sum);
    }
    return sum;
}

static void gradient(const struct kernel_pair *in, const struct panels *p, bool add, float *g)
{
    for (size_t k = 0; k < p->rows; k++) {
        for (size_t j = 0; j < p->columns; j++) {
            size_t at = panels_index(p, k, j);

            g[at] = gradient_at(in, p, k, j, add ? g[at] : 0.0f);
        }
    }
}

static void update_one(const struct panels *p, const struct kernel_update *u, size_t k, size_t j,
                       float g, float scale, float *w, float *a, float *b)
{
    struct constants c = constants_of(u, scale, is_bias(p, k));
    size_t at = panels_index(p, k, j);

    w[at] = vf_step(u->rule, &c, g, w[at], a ? a + at : NULL, b ? b + at : NULL);
}

static void update(const struct kernel_pair *in, const struct panels *p, const float *start,
                   const struct kernel_update *u, float *w, float *a, float *b)
{
    for (size_t k = 0; k < p->rows; k++) {
        for (size_t j = 0; j < p->columns; j++) {
            size_t at = panels_index(p, k, j);
            float g = gradient_at(in, p, k, j, start ? start[at] : 0.0f);

            update_one(p, u, k, j, g, 1.0f, w, a, b);
        }
    }
}

static void step(const struct panels *p, const float *g, float scale, const struct kernel_update *u,
                 float *w, float *a, float *b)
{
    for (size_t k = 0; k < p->rows; k++)
        for (size_t j = 0; j < p->columns; j++)
            update_one(p, u, k, j, g[panels_index(p, k, j)], scale, w, a, b);
}

static double square_sum(const struct panels *p, const float *m)
{
    double lane[KERNEL_PAD] = {0};

    for (size_t j = 0; j < p->columns; j++) {
        double sum = 0.0;

        for (size_t k = 0; k < p->rows; k++) {
            double x = (double)m[panels_index(p, k, j)];

            sum += x * x;
        }
        lane[j % KERNEL_PAD] += sum;
    }
    for (size_t apart = KERNEL_PAD / 2; apart > 0; apart /= 2)
        for (size_t i = 0; i < apart; i++)
            lane[i] += lane[i + apart];
    return lane[0];
}

static void transpose(const struct panels *p, const float *w, const struct panels *pt, float *wt)
{
    for (size_t k = 0; k < pt->columns; k++)
        for (size_t j = 0; j < p->columns; j++)
            wt[panels_index(pt, j, k)] = w[panels_index(p, k, j)];
}

static void map(enum kernel_function f, size_t n, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = vf_apply(f, x[i]);
}

static void slope(enum kernel_function f, size_t n, const float *y, float *d)
{
    for (size_t i = 0; i < n; i++)
        d[i] = vf_slope(f, y[i], d[i]);
}

/* 16 lanes, then the fixed tree: 8 apart, 4, 2, 1. */
static float row_sum(size_t n, const float *x)
{
    float lane[KERNEL_PAD] = {0};

    for (size_t j = 0; j < n; j++)
        lane[j % KERNEL_PAD] += x[j];
    for (size_t apart = KERNEL_PAD / 2; apart > 0; apart /= 2)
        for (size_t i = 0; i < apart; i++)
            lane[i] += lane[i + apart];
    return lane[0];
}

static void softmax(size_t rows, size_t n, const float *z, size_t stride, const float *scale,
                    float *out, float *top, float *log_sum)
{
    for (size_t i = 0; i < rows; i++) {
        const float *from = z + i * stride;
        float *to = out + i * stride, most = from[0], sum;

        for (size_t j = 1; j < n; j++)
            most = from[j] > most ? from[j] : most;
        for (size_t j = 0; j < n; j++)
            to[j] = vf_exp(from[j] - most);
        sum = row_sum(n, to);
        for (size_t j = 0; j < n; j++)
            to[j] *= (scale ? scale[i] : 1.0f) / sum;
        top[i] = most;
        log_sum[i] = vf_log(sum);
    }
}

static void multiply(size_t n, const float *a, const float *b, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = a[i] * b[i];
}

static void draw_words(struct rng *r, size_t n, uint32_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = rng_u32(r);
}

static void drop(struct rng *r, uint32_t limit, float factor, size_t rows, size_t n, size_t stride,
                 float *mask)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < n; j++)
            mask[i * stride + j] = rng_u32(r) < limit ? 0.0f : factor;
}

const struct kernel kernel_reference = {
    .name = "reference",
    .lanes = 4,
    .panel = 2,
    .forward = forward,
    .backward = backward,
    .gradient = gradient,
    .update = update,
    .step = step,
    .square_sum = square_sum,
    .transpose = transpose,
    .softmax = softmax,
    .map = map,
    .slope = slope,
    .multiply = multiply,
    .words = draw_words,
    .drop = drop,
};
