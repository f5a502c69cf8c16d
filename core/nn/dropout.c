#include "core/nn/dropout.h"

uint32_t dropout_index(size_t layer, size_t step)
{
    return (uint32_t)step << 7 | (uint32_t)layer;
}

void dropout_draw(struct rng *r, double p, size_t rows, size_t n, size_t stride, float *mask)
{
    const float factor[2] = {(float)(1.0 / (1.0 - p)), 0.0f}; /* no branch on what is random */
    uint32_t limit = (uint32_t)(p * 0x1p32);

    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < n; j++)
            mask[i * stride + j] = factor[rng_u32(r) < limit];
}

void dropout_apply(size_t rows, size_t n, size_t stride, const float *mask, const float *x,
                   float *out)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < n; j++)
            out[i * stride + j] = x[i * stride + j] * mask[i * stride + j];
}
