/*
 * What the files of prepare.h share.
 */
#ifndef SWEEPD_CORE_DATA_PREPARE_PRIVATE_H
#define SWEEPD_CORE_DATA_PREPARE_PRIVATE_H

#include "core/data/prepare.h"

/* A fold with its arrays behind it in one block. */
struct prepared {
    struct fold_data data;
    size_t bytes;
    float *x;
    float *y;
    int32_t *classes;
    double *target, *target_mean, *target_scale;
    float *weight;
    uint32_t *row;
    uint32_t *unit;
};

/* A column of numbers, and its encoded column. */
struct number {
    const struct column *from;
    size_t at;
};

/* What the columns are encoded with, and where to. */
struct encoding {
    const struct table *t;
    const struct prepare_spec *spec;
    struct prepared *p;
    struct team *team;
    size_t at; /* encoded columns that have their place so far */
    struct number *numbers;
    size_t n_numbers;
};

static inline size_t encoding_rows(const struct encoding *c)
{
    return c->p->data.n_train + c->p->data.n_validation;
}

static inline float *encoding_cell(const struct encoding *c, size_t i, size_t column)
{
    return c->p->x + i * c->p->data.stride + column;
}

/* Imputes and scales all columns of numbers. Whoever helps has columns of their own.
 * Errors  ERR_INVALID where a number is too large for float32: in the first such column */
enum err prepare_numbers(const struct encoding *c, struct error *e);

#endif
