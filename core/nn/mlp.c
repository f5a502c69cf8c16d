#include "core/nn/mlp_private.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/nn/dropout.h"

static size_t inputs_of(const struct mlp_shape *s, size_t l)
{
    return l == 0 ? s->n_inputs : s->width[l - 1];
}

/* One more row of weights, gamma, in every hidden layer. */
static bool has_norm(const struct mlp_shape *s, size_t l)
{
    return s->batch_norm && l + 1 < s->n_layers;
}

size_t mlp_weight_count(const struct mlp_shape *s)
{
    size_t n = 0;

    for (size_t l = 0; l < s->n_layers; l++)
        n += (inputs_of(s, l) + 1 + has_norm(s, l)) * s->width[l];
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

/* gamma and beta lie behind each other, as the biases of a layer without inputs: so the kernel
 * can step them. */
static void lay_out_norm(const struct mlp *m, const struct mlp_plan *plan, struct carver *c,
                         struct layer *l)
{
    size_t n = l->stride;
    float *parts = carve(c, 4 * n);

    l->pn = panels_make(m->kernel, 1, 2 * n);
    l->normalized = carve(c, mem_size(plan->rows, n));
    l->norm = (struct norm){.n = l->p.columns, .stride = n, .inverse = carve(c, n)};
    l->gn = carve(c, 2 * n);
    if (plan->n_arrays > 0)
        l->an = carve(c, 2 * n);
    if (plan->n_arrays > 1)
        l->bn = carve(c, 2 * n);
    if (plan->keep)
        l->kept_norm = carve(c, 4 * n);
    if (parts)
        mlp_place_norm(l, parts);
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
    if (kernel_slope_needs_sums(l->f))
        l->z = carve(c, values);
    l->y = carve(c, values);
    l->dz = carve(c, values);
    l->out = l->y;
    if (l->dropout > 0.0) {
        l->mask = carve(c, values);
        l->out = carve(c, values);
    }
    if (plan->keep)
        l->kept = carve(c, floats);
    l->alive = carve(c, l->stride);
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
            .dropout = s->dropout[l],
        };
        lay_out_layer(plan, c, layer, l == 0);
        if (has_norm(s, l))
            lay_out_norm(m, plan, c, layer);
        if (panels_floats(&layer->p) > most)
            most = panels_floats(&layer->p);
    }
    m->draws = carve(c, most);
}

/* All kernels give the same bits: where no hidden layer fills more than half of a vector, one of
 * shorter vectors does. The output layer is too small to matter. */
static const struct kernel *suited(const struct mlp_shape *s, const struct kernel *k)
{
    for (size_t l = 0; l + 1 < s->n_layers; l++)
        if (s->width[l] > k->lanes / 2)
            return k;
    return k->narrow && s->n_layers > 1 ? k->narrow : k;
}

size_t mlp_bytes(const struct mlp_shape *s, const struct mlp_plan *p, const struct kernel *k)
{
    struct mlp m = {.kernel = suited(s, k), .n_layers = s->n_layers};
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
    m->kernel = suited(s, k);
    m->n_layers = s->n_layers;
    m->rows = p->rows;
    lay_out(m, s, p, &c);
    for (size_t l = 0; l < m->n_layers; l++)
        if (m->layers[l].normalized)
            norm_start(&m->layers[l].norm);
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

bool mlp_is_wide(const struct mlp_shape *s, size_t rows)
{
    for (size_t l = 0; l < s->n_layers; l++)
        if (split_is_worth_it(rows, inputs_of(s, l), s->width[l]))
            return true;
    return false;
}

void mlp_share(struct mlp *m, struct team *t)
{
    m->team = t;
}

void mlp_refresh(const struct mlp *m, struct layer *l)
{
    if (l->wt)
        split_transpose(m->team, m->kernel, &l->p, l->w, &l->pt, l->wt);
}

/* Columns j..j+n, which lie in one panel, from drawn numbers; their biases are zero. */
static void place_draws(struct layer *l, enum init i, size_t j, size_t n, const float *draws)
{
    size_t n_inputs = l->p.rows - 1, n_outputs = l->p.columns;

    for (size_t k = 0; k < n_inputs; k++) {
        float *w = l->w + panels_index(&l->p, k, j);

        for (size_t c = 0; c < n; c++)
            w[c] = draws[init_index(i, n_inputs, n_outputs, k, j + c)];
    }
    memset(l->w + panels_index(&l->p, n_inputs, j), 0, n * sizeof *l->w);
}

void mlp_init(struct mlp *m, enum init i, uint64_t seed, uint32_t repeat, uint32_t fold)
{
    m->seed = seed;
    m->repeat = repeat;
    m->fold = fold;
    for (size_t l = 0; l < m->n_layers; l++) {
        struct layer *layer = m->layers + l;
        size_t n_inputs = layer->p.rows - 1, n_outputs = layer->p.columns;
        enum init chosen = i == INIT_AUTO ? layer->init : i;
        struct rng r;

        rng_init(&r, seed, repeat, fold, RNG_INIT, (uint32_t)(l + 1));
        init_draw(chosen, n_inputs, n_outputs, &r, m->draws);
        for (size_t j = 0; j < n_outputs; j += panels_run(&layer->p, j))
            place_draws(layer, chosen, j, panels_run(&layer->p, j), m->draws);
        if (layer->normalized)
            norm_start(&layer->norm);
        mlp_refresh(m, layer);
    }
}

/* The numbers that f is applied to, or, where its slope needs no more than that, f's values. */
static float *sums_of(const struct layer *l)
{
    return l->z ? l->z : l->y;
}

static void forward_layer(const struct mlp *m, const struct layer *l, size_t rows, const float *x,
                          size_t stride)
{
    const struct kernel *k = m->kernel;

    if (!l->z && !l->normalized) {
        split_forward(m->team, k, rows, x, stride, &l->p, l->w, l->f, l->y, l->stride);
        return;
    }
    split_forward(m->team, k, rows, x, stride, &l->p, l->w, KERNEL_IDENTITY, sums_of(l), l->stride);
    if (l->normalized)
        norm_predict(&l->norm, rows, sums_of(l), sums_of(l));
    split_map(m->team, k, l->f, rows * l->stride, sums_of(l), l->y);
}

void mlp_forward(struct mlp *m, size_t rows, const float *x, size_t stride)
{
    assert(rows >= 1 && rows <= m->rows);
    for (size_t l = 0; l < m->n_layers; l++) {
        struct layer *layer = m->layers + l;

        forward_layer(m, layer, rows, x, stride);
        x = layer->y;
        stride = layer->stride;
    }
}

static void train_forward_layer(const struct mlp *m, struct layer *l, size_t rows, const float *x,
                                size_t stride)
{
    const struct kernel *k = m->kernel;

    if (!l->normalized) {
        forward_layer(m, l, rows, x, stride);
    } else {
        split_forward(m->team, k, rows, x, stride, &l->p, l->w, KERNEL_IDENTITY, l->normalized,
                      l->stride);
        norm_forward(&l->norm, rows, l->normalized, sums_of(l));
        split_map(m->team, k, l->f, rows * l->stride, sums_of(l), l->y);
    }
    if (!l->mask)
        return;
    dropout_draw(k, &l->luck, l->dropout, rows, l->p.columns, l->stride, l->mask);
    dropout_apply(k, rows, l->stride, l->mask, l->y, l->out);
}

void mlp_forward_training(struct mlp *m, size_t rows, const float *x, size_t stride, size_t step,
                          bool first)
{
    assert(rows >= 1 && rows <= m->rows);
    for (size_t l = 0; l < m->n_layers; l++) {
        struct layer *layer = m->layers + l;

        assert(first || !layer->normalized); /* a batch is normalized as a whole */
        if (layer->mask && first)
            rng_init(&layer->luck, m->seed, m->repeat, m->fold, RNG_DROPOUT,
                     dropout_index(l, step));
        train_forward_layer(m, layer, rows, x, stride);
        x = layer->out;
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

/* With normalization beta stands for the bias, which the means would take away again. */
static void clear_bias(const struct layer *l, float *w)
{
    for (size_t j = 0, n; j < l->p.columns; j += n) {
        n = panels_run(&l->p, j);
        memset(w + panels_index(&l->p, l->p.rows - 1, j), 0, n * sizeof *w);
    }
}

static void step_norm(const struct mlp *m, struct layer *l, float scale,
                      const struct kernel_update *update)
{
    m->kernel->step(&l->pn, l->gn, scale, update, l->norm.gamma, l->an, l->bn);
    clear_bias(l, l->w);
}

/* From the gradient by a layer's values after dropout, times f'(.), to that by its sums. */
static void backward_through(const struct kernel *k, struct layer *l, size_t rows)
{
    if (l->mask)
        dropout_apply(k, rows, l->stride, l->mask, l->dz, l->dz);
    if (l->normalized)
        norm_backward(&l->norm, rows, l->normalized, l->dz, l->gn, l->gn + l->stride);
}

/* dW and db of a layer whose dz is there, into memory or at once into the weights. */
static void backward_weights(const struct mlp *m, struct layer *l, const struct kernel_pair *in,
                             bool first, const struct kernel_update *update)
{
    if (!update) {
        split_gradient(m->team, m->kernel, in, &l->p, !first, l->g);
        if (l->normalized)
            clear_bias(l, l->g);
        return;
    }
    split_update(m->team, m->kernel, in, &l->p, first ? NULL : l->g, update, l->w, l->a, l->b);
    if (l->normalized)
        step_norm(m, l, 1.0f, update);
    mlp_refresh(m, l);
}

void mlp_backward(struct mlp *m, size_t rows, const float *x, size_t stride, bool first,
                  const struct kernel_update *update)
{
    bool clip = update && update->clip > 0.0;

    assert((first && update && !clip) || output_of(m)->g); /* what goes on later needs memory */
    for (size_t l = m->n_layers; l-- > 0;) {
        struct layer *layer = m->layers + l, *below = l > 0 ? layer - 1 : NULL;
        struct kernel_pair in = {
            .rows = rows,
            .x = below ? below->out : x,
            .x_stride = below ? below->stride : stride,
            .dz = layer->dz,
            .dz_stride = layer->stride,
        };

        if (below) { /* before the update: it needs the weights that went forward */
            split_backward(m->team, m->kernel, rows, layer->dz, layer->stride, &layer->pt,
                           layer->wt, below->f, sums_of(below), below->dz, below->stride);
            backward_through(m->kernel, below, rows);
        }
        backward_weights(m, layer, &in, first, clip ? NULL : update);
    }
    if (clip)
        mlp_step(m, update);
}

/* As torch.nn.utils.clip_grad_norm_. */
float mlp_clip_scale(const struct mlp *m, double limit)
{
    double sum = 0.0, scale;

    if (limit == 0.0)
        return 1.0f;
    for (size_t l = 0; l < m->n_layers; l++) {
        const struct layer *layer = m->layers + l;

        sum += m->kernel->square_sum(&layer->p, layer->g);
        if (layer->normalized)
            sum += m->kernel->square_sum(&layer->pn, layer->gn);
    }
    scale = limit / (sqrt(sum) + 1e-6);
    return scale < 1.0 ? (float)scale : 1.0f;
}

void mlp_step_layer(const struct mlp *m, struct layer *l, float scale,
                    const struct kernel_update *update)
{
    split_step(m->team, m->kernel, &l->p, l->g, scale, update, l->w, l->a, l->b);
    if (l->normalized)
        step_norm(m, l, scale, update);
    mlp_refresh(m, l);
}

void mlp_step(struct mlp *m, const struct kernel_update *update)
{
    float scale = mlp_clip_scale(m, update->clip);

    for (size_t l = 0; l < m->n_layers; l++)
        mlp_step_layer(m, m->layers + l, scale, update);
}
