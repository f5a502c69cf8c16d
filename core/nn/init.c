#include "core/nn/init.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum init init_choose(enum init i, enum activation a)
{
    if (i != INIT_AUTO)
        return i;
    switch (a) {
    case ACTIVATION_RELU:
    case ACTIVATION_LEAKY_RELU:
    case ACTIVATION_ELU:
    case ACTIVATION_GELU:
    case ACTIVATION_SILU:
    case ACTIVATION_SOFTPLUS:
        return INIT_HE_NORMAL;
    case ACTIVATION_SELU:
        return INIT_LECUN_NORMAL;
    case ACTIVATION_IDENTITY:
    case ACTIVATION_SIGMOID:
    case ACTIVATION_TANH:
    case ACTIVATION_SOFTSIGN:
    case ACTIVATION_HARD_SIGMOID:
    case ACTIVATION_SINE:
        return INIT_GLOROT_UNIFORM;
    }
    return INIT_GLOROT_UNIFORM;
}

static void draw_normal(double deviation, size_t n, struct rng *r, float *weights)
{
    for (size_t i = 0; i < n; i++)
        weights[i] = (float)(deviation * rng_normal(r));
}

/* Uniform in [-bound, bound): 2 u - 1 is exact. */
static void draw_uniform(double bound, size_t n, struct rng *r, float *weights)
{
    for (size_t i = 0; i < n; i++)
        weights[i] = (float)bound * (2.0f * rng_f32(r) - 1.0f);
}

/* In eight interleaved sums, whose order is fixed and which a processor can have under way at once.
 */
static double dot(size_t n, const float *a, const float *b)
{
    double part[8] = {0.0}, sum = 0.0;

    for (size_t i = 0; i < n; i++)
        part[i % 8] += (double)a[i] * (double)b[i];
    for (size_t i = 0; i < 8; i++)
        sum += part[i];
    return sum;
}

static void subtract(size_t n, double factor, const float *a, float *b)
{
    for (size_t i = 0; i < n; i++)
        b[i] = (float)((double)b[i] - factor * (double)a[i]);
}

/*
 * Gram and Schmidt, modified, each vector twice: what rounding leaves of the earlier vectors after
 * the first time is gone after the second (Giraud, Langou, Rozložník 2005). Lengths stay positive,
 * so that the result is uniform over all orthogonal matrices (Mezzadri 2007).
 */
static void orthonormalize(size_t vectors, size_t n, float *v)
{
    for (size_t i = 0; i < vectors; i++) {
        float *own = v + i * n;
        double length;

        for (size_t earlier = 0; earlier < 2 * i; earlier++) {
            const float *other = v + earlier % i * n;

            subtract(n, dot(n, other, own), other, own);
        }
        length = sqrt(dot(n, own, own));
        for (size_t k = 0; k < n; k++)
            own[k] = (float)((double)own[k] / length);
    }
}

void init_draw(enum init i, size_t inputs, size_t outputs, struct rng *r, float *weights)
{
    size_t n = inputs * outputs, fewer = inputs < outputs ? inputs : outputs;
    double in = (double)inputs, both = (double)(inputs + outputs);

    switch (i) {
    case INIT_STANDARD_NORMAL:
        draw_normal(1.0, n, r, weights);
        break;
    case INIT_GLOROT_NORMAL:
        draw_normal(sqrt(2.0 / both), n, r, weights);
        break;
    case INIT_HE_NORMAL:
        draw_normal(sqrt(2.0 / in), n, r, weights);
        break;
    case INIT_LECUN_NORMAL:
        draw_normal(sqrt(1.0 / in), n, r, weights);
        break;
    case INIT_HE_UNIFORM:
        draw_uniform(sqrt(6.0 / in), n, r, weights);
        break;
    case INIT_AUTO: /* init_choose has replaced it */
    case INIT_GLOROT_UNIFORM:
        draw_uniform(sqrt(6.0 / both), n, r, weights);
        break;
    case INIT_ORTHOGONAL:
        draw_normal(1.0, n, r, weights);
        orthonormalize(fewer, n / fewer, weights);
        break;
    case INIT_ZEROS:
        memset(weights, 0, n * sizeof *weights);
        break;
    }
}

/* By input, then by output; but each vector of an orthogonal matrix is in one piece. */
size_t init_index(enum init i, size_t inputs, size_t outputs, size_t input, size_t output)
{
    bool by_output = i == INIT_ORTHOGONAL && inputs > outputs;

    return by_output ? output * inputs + input : input * outputs + output;
}
