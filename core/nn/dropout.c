#include "core/nn/dropout.h"

uint32_t dropout_index(size_t layer, size_t step)
{
    return (uint32_t)step << 7 | (uint32_t)layer;
}

void dropout_draw(const struct kernel *k, struct rng *r, double p, size_t rows, size_t n,
                  size_t stride, float *mask)
{
    k->drop(r, (uint32_t)(p * 0x1p32), (float)(1.0 / (1.0 - p)), rows, n, stride, mask);
}

void dropout_apply(const struct kernel *k, size_t rows, size_t stride, const float *mask,
                   const float *x, float *out)
{
    k->multiply(rows * stride, x, mask, out);
}
