/* What happens inside a network while it learns. */
#include <math.h>
#include <string.h>

#include "core/nn/mlp_private.h"

double mlp_norm(const struct mlp *m, enum mlp_part part, size_t l)
{
    const struct layer *layer = m->layers + l;
    bool weights = part == MLP_WEIGHTS;
    double sum = m->kernel->square_sum(&layer->p, weights ? layer->w : layer->g);

    if (layer->normalized)
        sum += m->kernel->square_sum(&layer->pn, weights ? layer->norm.gamma : layer->gn);
    return sqrt(sum);
}

static size_t count_saturated(const struct layer *l, size_t rows)
{
    float low = l->f == KERNEL_TANH ? -0.99f : 0.01f, high = 0.99f;
    size_t n = 0;

    for (size_t i = 0; i < rows; i++) {
        const float *y = l->y + i * l->stride;

        for (size_t j = 0; j < l->p.columns; j++)
            n += y[j] <= low || y[j] >= high;
    }
    return n;
}

static void mark_alive(struct layer *l, size_t rows)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < l->p.columns; j++)
            l->alive[j] = l->y[i * l->stride + j] != 0.0f ? 1.0f : l->alive[j];
}

static bool saturates(const struct layer *l)
{
    return l->f == KERNEL_TANH || l->f == KERNEL_LOGISTIC || l->f == KERNEL_HARD_SIGMOID;
}

static void observe(struct layer *l, size_t rows, bool first)
{
    if (first) {
        memset(l->alive, 0, l->p.columns * sizeof *l->alive);
        l->saturated = l->seen = 0;
    }
    l->seen += rows * l->p.columns;
    if (l->f == KERNEL_RELU)
        mark_alive(l, rows);
    else if (saturates(l))
        l->saturated += count_saturated(l, rows);
}

void mlp_observe(struct mlp *m, size_t rows, bool first)
{
    for (size_t l = 0; l + 1 < m->n_layers; l++)
        observe(m->layers + l, rows, first);
}

static double idle_share(const struct layer *l)
{
    size_t alive = 0;

    if (saturates(l))
        return (double)l->saturated / (double)l->seen;
    if (l->f != KERNEL_RELU)
        return (double)NAN;
    for (size_t j = 0; j < l->p.columns; j++)
        alive += l->alive[j] != 0.0f;
    return 1.0 - (double)alive / (double)l->p.columns;
}

double mlp_idle(const struct mlp *m, size_t l)
{
    return l + 1 < m->n_layers ? idle_share(m->layers + l) : (double)NAN;
}

/* The step of one layer, with the weights before it in m->draws. */
static double step_ratio(struct mlp *m, struct layer *l, float scale,
                         const struct kernel_update *update)
{
    size_t floats = panels_floats(&l->p);
    double before = m->kernel->square_sum(&l->p, l->w);

    memcpy(m->draws, l->w, floats * sizeof *l->w);
    mlp_step_layer(m, l, scale, update);
    for (size_t i = 0; i < floats; i++)
        m->draws[i] = l->w[i] - m->draws[i];
    return sqrt(m->kernel->square_sum(&l->p, m->draws) / before);
}

void mlp_step_observed(struct mlp *m, const struct kernel_update *update,
                       struct mlp_statistics *out)
{
    float scale = mlp_clip_scale(m, update->clip);

    for (size_t l = 0; l < m->n_layers; l++)
        out[l] = (struct mlp_statistics){
            .gradient_norm = mlp_norm(m, MLP_GRADIENTS, l),
            .update_ratio = step_ratio(m, m->layers + l, scale, update),
            .idle = mlp_idle(m, l),
        };
}

static bool values_are_finite(const struct layer *l, size_t rows)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < l->p.columns; j++)
            if (!isfinite(l->y[i * l->stride + j]))
                return false;
    return true;
}

struct mlp_fault mlp_find_fault(const struct mlp *m, size_t rows)
{
    for (size_t l = 0; l < m->n_layers; l++) {
        if (!isfinite(mlp_norm(m, MLP_WEIGHTS, l)))
            return (struct mlp_fault){l + 1, "weights"};
        if (!values_are_finite(m->layers + l, rows))
            return (struct mlp_fault){l + 1, "values"};
    }
    return (struct mlp_fault){0, ""};
}
