#include "tests/core/train/folds.h"

#include <stdlib.h>

#include "core/base/mem.h"
#include "core/base/rng.h"

static void *zeroed(size_t n, size_t size)
{
    void *p = mem_calloc(n, size);

    if (!p)
        abort();
    return p;
}

static struct fold_data *start(enum task task, size_t n_train, size_t n_validation,
                               size_t n_features, size_t n_outputs)
{
    struct fold_data *d = zeroed(1, sizeof *d);

    d->task = task;
    d->n_train = n_train;
    d->n_validation = n_validation;
    d->n_features = n_features;
    d->stride = (n_features + 15) / 16 * 16;
    d->n_outputs = n_outputs;
    d->x = zeroed((n_train + n_validation) * d->stride, sizeof *d->x);
    return d;
}

static float *row_of(struct fold_data *d, size_t i)
{
    return (float *)d->x + i * d->stride;
}

struct fold_data *folds_blobs(size_t n_train, size_t n_features, size_t n_classes, bool weighted)
{
    size_t n = n_train + n_train / 4;
    struct fold_data *d = start(TASK_CLASSIFICATION, n_train, n - n_train, n_features, n_classes);
    int32_t *classes = zeroed(n, sizeof *classes);
    float *weight = weighted ? zeroed(n, sizeof *weight) : NULL;
    struct rng r;

    rng_init(&r, 99, 0, 0, RNG_TEST, (uint32_t)n_features);
    for (size_t i = 0; i < n; i++) {
        classes[i] = (int32_t)rng_below(&r, (uint32_t)n_classes);
        for (size_t j = 0; j < n_features; j++)
            row_of(d, i)[j] =
                (float)rng_normal(&r) + (j % n_classes == (size_t)classes[i] ? 2.0f : 0.0f);
        if (weight)
            weight[i] = 0.5f + rng_f32(&r);
    }
    d->classes = classes;
    d->weight = weight;
    return d;
}

struct fold_data *folds_linear(size_t n_train, size_t n_features, size_t n_targets)
{
    size_t n = n_train + n_train / 4;
    struct fold_data *d = start(TASK_REGRESSION, n_train, n - n_train, n_features, n_targets);
    float *y = zeroed(n * n_targets, sizeof *y);
    double *target = zeroed(n * n_targets, sizeof *target);
    double *mean = zeroed(n_targets, sizeof *mean), *scale = zeroed(n_targets, sizeof *scale);
    struct rng r;

    rng_init(&r, 98, 0, 0, RNG_TEST, (uint32_t)n_features);
    for (size_t j = 0; j < n_targets; j++) {
        mean[j] = 1000.0;
        scale[j] = 100.0;
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n_features; k++)
            row_of(d, i)[k] = (float)rng_normal(&r);
        for (size_t j = 0; j < n_targets; j++) {
            float *to = y + i * n_targets + j;

            for (size_t k = 0; k < n_features; k++)
                *to += row_of(d, i)[k] * (float)(k + j) / (float)(n_features * n_targets);
            target[i * n_targets + j] = mean[j] + scale[j] * (double)*to;
        }
    }
    d->y = y;
    d->target = target;
    d->target_mean = mean;
    d->target_scale = scale;
    return d;
}

struct fold_data *folds_xor(void)
{
    struct fold_data *d = start(TASK_CLASSIFICATION, 4, 4, 2, 2);
    int32_t *classes = zeroed(8, sizeof *classes);

    for (size_t i = 0; i < 8; i++) {
        row_of(d, i)[0] = i & 1 ? 1.0f : -1.0f;
        row_of(d, i)[1] = i & 2 ? 1.0f : -1.0f;
        classes[i] = (i & 1) != (i >> 1 & 1);
    }
    d->classes = classes;
    return d;
}

void folds_destroy(struct fold_data *d)
{
    free((void *)d->x);
    free((void *)d->classes);
    free((void *)d->y);
    free((void *)d->target);
    free((void *)d->target_mean);
    free((void *)d->target_scale);
    free((void *)d->weight);
    free(d);
}
