#include "tests/core/nn/pair.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum { SEED = 5, REPEAT = 2, FOLD = 3 };

void pair_shape(struct oracle *o, size_t depth, enum activation a, enum output output, size_t n)
{
    o->shape = (struct mlp_shape){.n_inputs = 5, .n_layers = depth + 1};
    for (size_t l = 0; l < depth; l++) {
        o->shape.width[l] = 7 + l;
        o->shape.activation[l] = a;
    }
    o->shape.width[depth] = loss_width(output, n);
    o->shape.activation[depth] = ACTIVATION_IDENTITY;
    o->output = output;
    o->n = n;
}

static void draw_rows(struct pair *p, struct rng *r)
{
    struct oracle *o = &p->oracle;
    double total = 0.0;

    o->rows = 11;
    for (size_t i = 0; i < o->rows; i++) {
        for (size_t k = 0; k < o->shape.n_inputs; k++)
            o->x[i][k] = (double)(p->x[i * PAIR_STRIDE + k] = (float)rng_normal(r));
        for (size_t j = 0; j < o->n; j++)
            o->y[i][j] = (double)(p->y[i * o->n + j] = (float)rng_normal(r));
        o->classes[i] = p->classes[i] = (int32_t)rng_below(r, (uint32_t)o->n);
        o->weight[i] = 0.5 + (double)rng_f32(r);
        total += o->weight[i];
    }
    for (size_t i = 0; i < o->rows; i++)
        p->scale[i] = (float)(o->weight[i] / total);
}

/* The masks of step 1, from dropout.h's words: bit 7 and up hold the step. */
static void draw_masks(struct oracle *o)
{
    for (size_t l = 0; l + 1 < o->shape.n_layers; l++) {
        double p = o->shape.dropout[l];
        struct rng r;

        rng_init(&r, SEED, REPEAT, FOLD, RNG_DROPOUT, (uint32_t)(128 + l));
        for (size_t i = 0; i < o->rows; i++)
            for (size_t j = 0; j < o->shape.width[l]; j++)
                o->mask[l][i][j] =
                    (double)rng_u32(&r) < floor(p * 4294967296.0) ? 0.0 : 1.0 / (1.0 - p);
    }
}

void pair_make(struct pair *p, const struct kernel *k, const struct optimizer_state *s,
               struct rng *r)
{
    struct mlp_plan plan = {
        .rows = ORACLE_ROWS, .n_arrays = optimizer_arrays(s), .gradients = true};
    float weights[PAIR_MOST_WEIGHTS];

    p->kernel = k;
    p->n_weights = mlp_weight_count(&p->oracle.shape);
    assert(p->n_weights <= PAIR_MOST_WEIGHTS);
    draw_rows(p, r);
    for (size_t i = 0; i < p->n_weights; i++) {
        weights[i] = 0.6f * (float)rng_normal(r);
        p->w[i] = (double)weights[i];
    }
    if (mlp_create(&p->oracle.shape, &plan, k, &p->mlp, NULL) != ERR_OK)
        abort();
    mlp_init(p->mlp, INIT_AUTO, SEED, REPEAT, FOLD); /* names the streams of dropout */
    mlp_write(p->mlp, weights);
    draw_masks(&p->oracle);
}

void pair_finish(struct pair *p)
{
    mlp_destroy(p->mlp);
}

void pair_run(struct pair *p, const struct kernel_update *update)
{
    const struct oracle *o = &p->oracle;
    float work[LOSS_WORK * ORACLE_ROWS], loss[ORACLE_ROWS];
    struct loss_rows rows = {
        .loss = o->loss,
        .output = o->output,
        .rows = o->rows,
        .n = o->n,
        .z = mlp_outputs(p->mlp),
        .stride = mlp_stride(p->mlp),
        .classes = p->classes,
        .y = p->y,
        .scale = p->scale,
        .work = work,
        .delta = (float)o->delta,
    };

    mlp_forward_training(p->mlp, o->rows, p->x, PAIR_STRIDE, 1, true);
    loss_gradient(p->kernel, &rows, mlp_output_gradient(p->mlp), loss);
    mlp_backward(p->mlp, o->rows, p->x, PAIR_STRIDE, true, update);
}

void pair_read(const struct pair *p, enum mlp_part part, double *out)
{
    float values[PAIR_MOST_WEIGHTS];

    mlp_read(p->mlp, part, values);
    for (size_t i = 0; i < p->n_weights; i++)
        out[i] = (double)values[i];
}
