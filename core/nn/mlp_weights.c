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

/* Numbers that lie one behind the other from (k, j) on. */
static size_t run_of(const struct layer *l, size_t k, size_t j)
{
    return l->normalized && k + 1 >= l->p.rows ? l->p.columns - j : panels_run(&l->p, j);
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
            for (size_t j = 0, n; j < layer->p.columns; j += n, out += n) {
                n = run_of(layer, k, j);
                memcpy(out, (part == MLP_WEIGHTS ? weight_at : gradient_at)(layer, k, j),
                       n * sizeof *out);
            }
    }
}

void mlp_write(struct mlp *m, const float *weights)
{
    for (size_t l = 0; l < m->n_layers; l++) {
        struct layer *layer = m->layers + l;

        for (size_t k = 0; k < rows_of(layer); k++)
            for (size_t j = 0, n; j < layer->p.columns; j += n, weights += n) {
                n = run_of(layer, k, j);
                memcpy(weight_at(layer, k, j), weights, n * sizeof *weights);
            }
        mlp_refresh(m, layer);
    }
}

static uint64_t hash_floats(uint64_t hash, size_t n, const float *x)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = 0x7fc00000; /* which NaN it is depends on the order of operands */

        if (x[i] == x[i])
            memcpy(&bits, x + i, sizeof bits);
        for (int byte = 0; byte < 4; byte++) {
            hash ^= bits >> 8 * byte & 0xff;
            hash *= 0x100000001b3u;
        }
    }
    return hash;
}

uint64_t mlp_hash(const struct mlp *m)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t l = 0; l < m->n_layers; l++) {
        const struct layer *layer = m->layers + l;

        for (size_t k = 0; k < rows_of(layer); k++)
            for (size_t j = 0, n; j < layer->p.columns; j += n) {
                n = run_of(layer, k, j);
                hash = hash_floats(hash, n, weight_at(layer, k, j));
            }
        for (size_t j = 0; layer->normalized && j < layer->p.columns; j++) {
            hash = hash_floats(hash, 1, layer->norm.mean + j);
            hash = hash_floats(hash, 1, layer->norm.variance + j);
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
