#include "core/nn/mlp_lanes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/nn/mlp_private.h"

/* Measured (core/train/README.md): wider layers fill vectors by themselves, and more weights, or
 * rows of more inputs, times the lanes, fall out of the cache. */
enum { MOST_WIDTH = 32, MOST_WEIGHTS = 2048, MOST_INPUTS = 128, MOST_LAYERS = 8 };

struct lanes_layer {
    size_t inputs, outputs;
    enum kernel_function f;
    float *w, *g, *a, *b, *before; /* (K + 1, N); a, b: NULL where the rule has none */
    float *z;                      /* (rows, N): as in struct layer */
    float *y, *dz;
};

struct mlp_lanes {
    const struct kernel *kernel;
    const struct lanes *lanes;
    size_t n_layers;
    float *memory;
    struct lanes_layer layers[MLP_MAX_LAYERS];
};

bool mlp_lanes_fits(const struct mlp_shape *s)
{
    if (s->n_inputs > MOST_INPUTS || s->n_layers > MOST_LAYERS ||
        mlp_weight_count(s) > MOST_WEIGHTS || s->batch_norm)
        return false;
    for (size_t l = 0; l < s->n_layers; l++)
        if (s->width[l] > MOST_WIDTH || s->dropout[l] > 0.0)
            return false;
    return true;
}

/* Vectors of a matrix of lanes, in floats. */
static size_t floats_of(const struct mlp_lanes *m, size_t rows, size_t columns)
{
    return rows * lanes_stride(columns) * m->lanes->n;
}

/* Sets a pointer into the block, or with memory NULL only counts. */
static float *place(const struct mlp_lanes *m, size_t *used, size_t floats)
{
    float *at = m->memory ? m->memory + *used : NULL;

    *used += floats;
    return at;
}

/* Places every array and returns how many floats they are; the sizes are small (mlp_lanes_fits). */
static size_t lay_out(struct mlp_lanes *m, const struct mlp_shape *s, const struct mlp_plan *p)
{
    size_t used = 0;

    for (size_t l = 0; l < s->n_layers; l++) {
        struct lanes_layer *layer = m->layers + l;
        size_t inputs = l == 0 ? s->n_inputs : s->width[l - 1], outputs = s->width[l];
        size_t weights = floats_of(m, inputs + 1, outputs), values = floats_of(m, p->rows, outputs);

        *layer = (struct lanes_layer){
            .inputs = inputs,
            .outputs = outputs,
            .f = activation_function(s->activation[l]),
        };
        layer->w = place(m, &used, weights);
        layer->g = place(m, &used, weights);
        layer->before = place(m, &used, weights);
        if (p->n_arrays > 0)
            layer->a = place(m, &used, weights);
        if (p->n_arrays > 1)
            layer->b = place(m, &used, weights);
        if (kernel_slope_needs_sums(layer->f))
            layer->z = place(m, &used, values);
        layer->y = place(m, &used, values);
        layer->dz = place(m, &used, values);
    }
    return used;
}

enum err mlp_lanes_create(const struct mlp_shape *s, const struct mlp_plan *p,
                          const struct kernel *k, const struct lanes *lanes, struct mlp_lanes **out,
                          struct error *e)
{
    struct mlp_lanes *m = calloc(1, sizeof *m);

    if (!m)
        return error_no_memory(e);
    *m = (struct mlp_lanes){.kernel = k, .lanes = lanes, .n_layers = s->n_layers};
    m->memory = mem_calloc(lay_out(m, s, p), sizeof *m->memory);
    if (!m->memory) {
        mlp_lanes_destroy(m);
        return error_no_memory(e);
    }
    (void)lay_out(m, s, p);
    *out = m;
    return ERR_OK;
}

void mlp_lanes_destroy(struct mlp_lanes *m)
{
    if (!m)
        return;
    free(m->memory);
    free(m);
}

/* ---- in and out ----------------------------------------------------------------------------- */

/* One lane of a matrix of weights against the panels of a network; NULL where there is none. */
static void load(const struct mlp_lanes *m, size_t lane, const struct panels *p, const float *from,
                 float *to)
{
    size_t n = m->lanes->n, row = lanes_stride(p->columns) * n;

    for (size_t k = 0; to && k < p->rows; k++)
        for (size_t j = 0; j < p->columns; j++)
            to[k * row + j * n + lane] = from[panels_index(p, k, j)];
}

static void store(const struct mlp_lanes *m, size_t lane, const struct panels *p, const float *from,
                  float *to)
{
    size_t n = m->lanes->n, row = lanes_stride(p->columns) * n;

    for (size_t k = 0; from && k < p->rows; k++)
        for (size_t j = 0; j < p->columns; j++)
            to[panels_index(p, k, j)] = from[k * row + j * n + lane];
}

void mlp_lanes_load(struct mlp_lanes *m, size_t lane, const struct mlp *from)
{
    for (size_t l = 0; l < m->n_layers; l++) {
        const struct layer *layer = from->layers + l;
        struct lanes_layer *ours = m->layers + l;

        load(m, lane, &layer->p, layer->w, ours->w);
        load(m, lane, &layer->p, layer->a, ours->a);
        load(m, lane, &layer->p, layer->b, ours->b);
    }
}

void mlp_lanes_store(const struct mlp_lanes *m, size_t lane, struct mlp *to)
{
    for (size_t l = 0; l < m->n_layers; l++) {
        const struct lanes_layer *ours = m->layers + l;
        struct layer *layer = to->layers + l;

        store(m, lane, &layer->p, ours->w, layer->w);
        store(m, lane, &layer->p, ours->a, layer->a);
        store(m, lane, &layer->p, ours->b, layer->b);
        mlp_refresh(to, layer);
    }
}

void mlp_lanes_store_values(const struct mlp_lanes *m, size_t lane, size_t rows, struct mlp *to)
{
    size_t n = m->lanes->n;

    for (size_t l = 0; l < m->n_layers; l++) {
        const struct lanes_layer *ours = m->layers + l;
        struct layer *layer = to->layers + l;
        size_t row = lanes_stride(ours->outputs) * n;

        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < ours->outputs; j++)
                layer->y[i * layer->stride + j] = ours->y[i * row + j * n + lane];
    }
}

/* ---- passes --------------------------------------------------------------------------------- */

static struct lanes_input input_of(const struct mlp_lanes *m, size_t l, const struct lanes_input *x)
{
    const struct lanes_layer *below = m->layers + l - 1;

    if (l == 0)
        return *x;
    return (struct lanes_input){
        .x = below->y,
        .stride = lanes_stride(below->outputs) * m->lanes->n,
    };
}

void mlp_lanes_forward(struct mlp_lanes *m, size_t rows, const struct lanes_input *x)
{
    for (size_t l = 0; l < m->n_layers; l++) {
        const struct lanes_layer *layer = m->layers + l;
        struct lanes_input in = input_of(m, l, x);
        float *sums = layer->z ? layer->z : layer->y;

        m->lanes->forward(rows, &in, layer->inputs, layer->outputs, layer->w,
                          layer->f == KERNEL_RELU, sums);
        if (layer->f != KERNEL_RELU && layer->f != KERNEL_IDENTITY)
            m->kernel->map(layer->f, floats_of(m, rows, layer->outputs), sums, layer->y);
    }
}

const float *mlp_lanes_outputs(const struct mlp_lanes *m)
{
    return m->layers[m->n_layers - 1].y;
}

float *mlp_lanes_output_gradient(struct mlp_lanes *m)
{
    return m->layers[m->n_layers - 1].dz;
}

/*
 * Sets what a lane has beyond its own rows. With x = 0 and dz = -0 such a row adds -0 to each
 * chain of a gradient, which leaves every number as it is; +0 would make a sum that is -0 positive.
 */
static void fill_gaps(const struct mlp_lanes *m, const int32_t *height, size_t rows, size_t columns,
                      float *matrix, float with)
{
    size_t n = m->lanes->n, row = lanes_stride(columns) * n;

    for (size_t l = 0; l < n; l++)
        for (size_t i = (size_t)height[l]; i < rows; i++)
            for (size_t j = 0; j < columns; j++)
                matrix[i * row + j * n + l] = with;
}

/* dz of the layer below l, from that of l. */
static void backward_values(const struct mlp_lanes *m, size_t l, size_t rows)
{
    const struct lanes_layer *layer = m->layers + l, *below = layer - 1;
    bool relu = below->f == KERNEL_RELU;

    m->lanes->backward(rows, layer->inputs, layer->outputs, layer->dz, layer->w,
                       relu ? below->y : NULL, below->dz);
    if (!relu && below->f != KERNEL_IDENTITY)
        m->kernel->slope(below->f, floats_of(m, rows, below->outputs),
                         below->z ? below->z : below->y, below->dz);
}

/* The share of a layer's values that idle, as mlp_idle. */
static void idle_shares(const struct mlp_lanes *m, const struct lanes_layer *l,
                        const int32_t *height, size_t rows, double *out)
{
    bool saturates = l->f == KERNEL_TANH || l->f == KERNEL_LOGISTIC || l->f == KERNEL_HARD_SIGMOID;
    int32_t count[LANES_MOST];

    if (saturates)
        m->lanes->count_outside(height, rows, l->outputs, l->y,
                                l->f == KERNEL_TANH ? -0.99f : 0.01f, 0.99f, count);
    else if (l->f == KERNEL_RELU)
        m->lanes->count_alive(rows, l->outputs, l->y, count);
    for (size_t i = 0; i < m->lanes->n; i++) {
        size_t values = (size_t)height[i] * l->outputs;

        if (saturates)
            out[i] = (double)count[i] / (double)values;
        else if (l->f == KERNEL_RELU)
            out[i] = 1.0 - (double)count[i] / (double)l->outputs;
        else
            out[i] = (double)NAN;
    }
}

/* The update of a layer with what is to be known of it. */
static void update_observed(const struct mlp_lanes *m, size_t l, const int32_t *height, size_t rows,
                            const struct lanes_input *in, const struct lanes_update *u,
                            struct mlp_statistics *const *statistics)
{
    const struct lanes *k = m->lanes;
    const struct lanes_layer *layer = m->layers + l;
    size_t floats = floats_of(m, layer->inputs + 1, layer->outputs);
    double gradient[LANES_MOST], before[LANES_MOST], change[LANES_MOST], idle[LANES_MOST];

    k->gradient(rows, in, layer->inputs, layer->outputs, layer->dz, layer->g);
    k->square_sum(layer->inputs + 1, layer->outputs, layer->g, gradient);
    k->square_sum(layer->inputs + 1, layer->outputs, layer->w, before);
    memcpy(layer->before, layer->w, floats * sizeof *layer->w);
    k->step(u, layer->inputs, layer->outputs, layer->g, layer->w, layer->a, layer->b);
    for (size_t i = 0; i < floats; i++)
        layer->before[i] = layer->w[i] - layer->before[i];
    k->square_sum(layer->inputs + 1, layer->outputs, layer->before, change);
    for (size_t i = 0; i < k->n; i++)
        idle[i] = (double)NAN;
    if (l + 1 < m->n_layers)
        idle_shares(m, layer, height, rows, idle);
    for (size_t i = 0; i < k->n; i++)
        if (statistics[i])
            statistics[i][l] = (struct mlp_statistics){
                .gradient_norm = sqrt(gradient[i]),
                .update_ratio = sqrt(change[i] / before[i]),
                .idle = idle[i],
            };
}

void mlp_lanes_backward(struct mlp_lanes *m, const int32_t *height, size_t rows,
                        const struct lanes_input *x, const struct lanes_update *u,
                        struct mlp_statistics *const *statistics)
{
    for (size_t l = m->n_layers; l-- > 0;) {
        const struct lanes_layer *layer = m->layers + l;
        struct lanes_input in;

        fill_gaps(m, height, rows, layer->outputs, layer->dz, -0.0f);
        if (l > 0) {
            backward_values(m, l, rows);
            fill_gaps(m, height, rows, layer->inputs, m->layers[l - 1].y, 0.0f);
        }
        in = input_of(m, l, x);
        if (statistics)
            update_observed(m, l, height, rows, &in, u, statistics);
        else
            m->lanes->update(rows, &in, layer->inputs, layer->outputs, layer->dz, u, layer->w,
                             layer->a, layer->b);
    }
}
