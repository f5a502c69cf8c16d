#include "core/nn/mlp.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

struct layer {
    struct panels p;  /* weights: (K + 1, N), the bias in the last row */
    struct panels pt; /* W^T: (N, K) */
    enum kernel_function f;
    enum init init;
    float *w, *g;  /* weights; gradients or NULL */
    float *a, *b;  /* the optimizer's arrays, or NULL */
    float *wt;     /* NULL in the first layer, which needs no dX */
    float *y, *dz; /* (rows, stride): values after f, gradient of the sums before it */
    size_t stride;
};

struct mlp {
    const struct kernel *kernel;
    size_t n_layers;
    size_t rows; /* most rows of a pass */
    float *memory;
    float *draws; /* one layer's weights in canonical order, while they are drawn */
    struct layer layers[MLP_MAX_LAYERS];
};

static size_t inputs_of(const struct mlp_shape *s, size_t l)
{
    return l == 0 ? s->n_inputs : s->width[l - 1];
}

size_t mlp_weight_count(const struct mlp_shape *s)
{
    size_t n = 0;

    for (size_t l = 0; l < s->n_layers; l++)
        n += (inputs_of(s, l) + 1) * s->width[l];
    return n;
}

double mlp_forward_work(const struct mlp_shape *s)
{
    return (double)mlp_weight_count(s);
}

double mlp_backward_work(const struct mlp_shape *s)
{
    size_t n = mlp_weight_count(s);

    return 2.0 * (double)n - (double)(s->n_inputs * s->width[0]);
}

/* Hands out pieces of one block: with base NULL it only counts. */
struct carver {
    float *base;
    size_t used; /* floats */
    bool overflow;
};

static float *carve(struct carver *c, size_t floats)
{
    size_t start = c->used, line = MEM_ALIGN / sizeof(float);

    if (floats > SIZE_MAX / 16 || start > SIZE_MAX / 16) {
        c->overflow = true;
        return NULL;
    }
    c->used += (floats + line - 1) / line * line;
    return c->base ? c->base + start : NULL;
}

static void lay_out_layer(const struct mlp_plan *plan, struct carver *c, struct layer *l,
                          bool first)
{
    size_t floats = panels_floats(&l->p), values = mem_size(plan->rows, l->stride);

    l->w = carve(c, floats);
    if (plan->n_arrays > 0)
        l->a = carve(c, floats);
    if (plan->n_arrays > 1)
        l->b = carve(c, floats);
    if (plan->gradients)
        l->g = carve(c, floats);
    if (!first)
        l->wt = carve(c, panels_floats(&l->pt));
    l->y = carve(c, values);
    l->dz = carve(c, values);
}

/* Places every array of the network into the carver's block. */
static void lay_out(struct mlp *m, const struct mlp_shape *s, const struct mlp_plan *plan,
                    struct carver *c)
{
    size_t most = 0;

    for (size_t l = 0; l < s->n_layers; l++) {
        struct layer *layer = m->layers + l;
        size_t n_inputs = inputs_of(s, l);

        *layer = (struct layer){
            .p = panels_make(m->kernel, n_inputs + 1, s->width[l]),
            .pt = panels_make(m->kernel, s->width[l], n_inputs),
            .f = activation_function(s->activation[l]),
            .init = init_choose(INIT_AUTO, s->activation[l]),
            .stride = kernel_stride(s->width[l]),
        };
        lay_out_layer(plan, c, layer, l == 0);
        if (mem_size(n_inputs, s->width[l]) > most)
            most = mem_size(n_inputs, s->width[l]);
    }
    m->draws = carve(c, most);
}

size_t mlp_bytes(const struct mlp_shape *s, const struct mlp_plan *p, const struct kernel *k)
{
    struct mlp m = {.kernel = k, .n_layers = s->n_layers};
    struct carver c = {0};

    lay_out(&m, s, p, &c);
    return c.overflow ? SIZE_MAX : c.used * sizeof(float) + sizeof m;
}

enum err mlp_create(const struct mlp_shape *s, const struct mlp_plan *p, const struct kernel *k,
                    struct mlp **out, struct error *e)
{
    size_t bytes = mlp_bytes(s, p, k);
    struct mlp *m = calloc(1, sizeof *m);
    struct carver c = {0};

    assert(s->n_layers >= 1 && s->n_layers <= MLP_MAX_LAYERS && p->rows >= 1);
    if (m)
        c.base = m->memory = mem_calloc(bytes, 1);
    if (!m || !m->memory) {
        mlp_destroy(m);
        return error_no_memory(e);
    }
    m->kernel = k;
    m->n_layers = s->n_layers;
    m->rows = p->rows;
    lay_out(m, s, p, &c);
    *out = m;
    return ERR_OK;
}

void mlp_destroy(struct mlp *m)
{
    if (!m)
        return;
    free(m->memory);
    free(m);
}

static void refresh_transposed(const struct mlp *m, struct layer *l)
{
    if (l->wt)
        m->kernel->transpose(&l->p, l->w, &l->pt, l->wt);
}

void mlp_init(struct mlp *m, enum init i, uint64_t seed, uint32_t repeat, uint32_t fold)
{
    for (size_t l = 0; l < m->n_layers; l++) {
        struct layer *layer = m->layers + l;
        size_t n_inputs = layer->p.rows - 1, n_outputs = layer->p.columns;
        struct rng r;

        rng_init(&r, seed, repeat, fold, RNG_INIT, (uint32_t)(l + 1));
        init_draw(i == INIT_AUTO ? layer->init : i, n_inputs, n_outputs, &r, m->draws);
        for (size_t k = 0; k < n_inputs; k++)
            for (size_t j = 0; j < n_outputs; j++)
                layer->w[panels_index(&layer->p, k, j)] = m->draws[k * n_outputs + j];
        for (size_t j = 0; j < n_outputs; j++)
            layer->w[panels_index(&layer->p, n_inputs, j)] = 0.0f;
        refresh_transposed(m, layer);
    }
}

void mlp_forward(struct mlp *m, size_t rows, const float *x, size_t stride)
{
    assert(rows >= 1 && rows <= m->rows);
    for (size_t l = 0; l < m->n_layers; l++) {
        struct layer *layer = m->layers + l;

        m->kernel->forward(rows, x, stride, &layer->p, layer->w, layer->f, layer->y, layer->stride);
        x = layer->y;
        stride = layer->stride;
    }
}

static struct layer *output_of(const struct mlp *m)
{
    return (struct layer *)m->layers + m->n_layers - 1;
}

const float *mlp_outputs(const struct mlp *m)
{
    return output_of(m)->y;
}

float *mlp_output_gradient(struct mlp *m)
{
    return output_of(m)->dz;
}

size_t mlp_stride(const struct mlp *m)
{
    return output_of(m)->stride;
}

/* dW and db of a layer whose dz is there, into memory or at once into the weights. */
static void backward_weights(const struct mlp *m, struct layer *l, const struct kernel_pair *in,
                             bool first, const struct kernel_update *update)
{
    if (!update) {
        m->kernel->gradient(in, &l->p, !first, l->g);
        return;
    }
    m->kernel->update(in, &l->p, first ? NULL : l->g, update, l->w, l->a, l->b);
    refresh_transposed(m, l);
}

void mlp_backward(struct mlp *m, size_t rows, const float *x, size_t stride, bool first,
                  const struct kernel_update *update)
{
    assert((first && update) || output_of(m)->g); /* what goes on later needs memory */
    for (size_t l = m->n_layers; l-- > 0;) {
        struct layer *layer = m->layers + l, *below = l > 0 ? layer - 1 : NULL;
        struct kernel_pair in = {
            .rows = rows,
            .x = below ? below->y : x,
            .x_stride = below ? below->stride : stride,
            .dz = layer->dz,
            .dz_stride = layer->stride,
        };

        if (below) /* before the update: it needs the weights that went forward */
            m->kernel->backward(rows, layer->dz, layer->stride, &layer->pt, layer->wt, below->f,
                                below->y, below->dz, below->stride);
        backward_weights(m, layer, &in, first, update);
    }
}

void mlp_read(const struct mlp *m, enum mlp_part part, float *out)
{
    for (size_t l = 0; l < m->n_layers; l++) {
        const struct layer *layer = m->layers + l;
        const float *from = part == MLP_WEIGHTS ? layer->w : layer->g;

        for (size_t k = 0; k < layer->p.rows; k++)
            for (size_t j = 0; j < layer->p.columns; j++)
                *out++ = from[panels_index(&layer->p, k, j)];
    }
}

void mlp_write(struct mlp *m, const float *weights)
{
    for (size_t l = 0; l < m->n_layers; l++) {
        struct layer *layer = m->layers + l;

        for (size_t k = 0; k < layer->p.rows; k++)
            for (size_t j = 0; j < layer->p.columns; j++)
                layer->w[panels_index(&layer->p, k, j)] = *weights++;
        refresh_transposed(m, layer);
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

        for (size_t k = 0; k < layer->p.rows; k++)
            for (size_t j = 0; j < layer->p.columns; j++)
                hash = hash_float(hash, layer->w[panels_index(&layer->p, k, j)]);
    }
    return hash;
}
