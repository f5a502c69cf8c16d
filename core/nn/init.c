#include "core/nn/init.h"

#include <math.h>

enum init init_choose(enum init i, enum activation a)
{
    if (i != INIT_AUTO)
        return i;
    return a == ACTIVATION_RELU ? INIT_HE_NORMAL : INIT_GLOROT_UNIFORM;
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

void init_draw(enum init i, size_t inputs, size_t outputs, struct rng *r, float *weights)
{
    size_t n = inputs * outputs;

    switch (i) {
    case INIT_STANDARD_NORMAL:
        draw_normal(1.0, n, r, weights);
        break;
    case INIT_HE_NORMAL:
        draw_normal(sqrt(2.0 / (double)inputs), n, r, weights);
        break;
    case INIT_AUTO: /* init_choose has replaced it */
    case INIT_GLOROT_UNIFORM:
        draw_uniform(sqrt(6.0 / (double)(inputs + outputs)), n, r, weights);
        break;
    }
}
