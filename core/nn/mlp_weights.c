/* Weights in and out of a network. */
#include <string.h>

#include "core/nn/mlp_private.h"

/* Rows of a layer in canonical order. */
static size_t rows_of(const struct layer *l)
{
    return l->p.rows + (l->normalized ? 1 : 0);
}

/* Where number (k, j) of a layer lies in its weights (w, gamma, beta) or gradients (g, ...). */
static float *place(const struct layer *l, float *w, float *gamma, float *beta, size_t k, size_t j)
{
    if (l->normalized && k + 1 >= l->p.rows)
        return (k == l->p.rows ? gamma : beta) + j;
    return w + panels_index(&l->p, k, j);
}

static float *weight_at(const struct layer *l, size_t k, size_t j)
{
    return place(l, l->w, l->norm.gamma, l->norm.beta, k, j);
}

static float *gradient_at(const struct layer *l, size_t k, size_t j)
{
    return place(l, l->g, l->gn, l->gn + l->stride, k, j);
}

void mlp_read(const struct mlp *m, enum mlp_part part, float *out)
{
    for (size_t l = 0; l < m->n_layers; l++) {
        const struct layer *layer = m->layers + l;

        for (size_t k = 0; k < rows_of(layer); k++)
            for (size_t j = 0; j < layer->p.columns; j++)
                *out++ = *(part == MLP_WEIGHTS ? weight_at : gradient_at)(layer, k, j);
    }
}

void mlp_write(struct mlp *m, const float *weights)
{
    for (size_t l = 0; l < m->n_layers; l++) {
        struct layer *layer = m->layers + l;

        for (size_t k = 0; k < rows_of(layer); k++)
            for (size_t j = 0; j < layer->p.columns; j++)
                *weight_at(layer, k, j) = *weights++;
        mlp_refresh(m, layer);
    }
}

static uint64_t hash_float(uint64_t hash, float x)
{
    uint32_t bits = 0x7fc00000; /* which NaN it is depends on the order of operands */

    if (x == x)
        memcpy(&bits, &x, sizeof bits);
    for (int i = 0; i < 4; i++) {
        hash ^= bits >> 8 * i & 0xff;
        hash *= 0x100000001b3u;
    }
    return hash;
}

uint64_t mlp_hash(const struct mlp *m)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t l = 0; l < m->n_layers; l++) {
        const struct layer *layer = m->layers + l;

        for (size_t k = 0; k < rows_of(layer); k++)
            for (size_t j = 0; j < layer->p.columns; j++)
                hash = hash_float(hash, *weight_at(layer, k, j));
        for (size_t j = 0; layer->normalized && j < layer->p.columns; j++) {
            hash = hash_float(hash, layer->norm.mean[j]);
            hash = hash_float(hash, layer->norm.variance[j]);
        }
    }
    return hash;
}

void mlp_keep(struct mlp *m)
{
    for (size_t l = 0; l < m->n_layers; l++) {
        struct layer *layer = m->layers + l;

        memcpy(layer->kept, layer->w, panels_floats(&layer->p) * sizeof *layer->w);
        if (layer->normalized)
            memcpy(layer->kept_norm, layer->norm.gamma, 4 * layer->stride * sizeof *layer->w);
    }
}

void mlp_swap_kept(struct mlp *m)
{
    for (size_t l = 0; l < m->n_layers; l++) {
        struct layer *layer = m->layers + l;
        float *w = layer->w, *norm = layer->norm.gamma;

        layer->w = layer->kept;
        layer->kept = w;
        if (layer->normalized) {
            mlp_place_norm(layer, layer->kept_norm);
            layer->kept_norm = norm;
        }
        mlp_refresh(m, layer);
    }
}
